// SPDX-License-Identifier: GPL-2.0-only
/* The command line: what is understood, and the one clear line for each thing that is not. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define main tenon_main
#include "main.c"
#undef main

#define WORDS 40

static struct config seen;
static unsigned int machines;
static const char *doctor_dev;
static char text[4096];

int machine_run(const struct config *config)
{
	seen = *config;
	machines++;
	return STATUS_OK;
}

int doctor(const char *dev)
{
	doctor_dev = dev;
	return STATUS_OK;
}

/* Run the program with @line's words; what it says on descriptor @fd goes to @text. */
static int tenon(const char *line, int fd)
{
	static char words[1024];
	char *argv[WORDS] = { "tenon" }, *word, *rest = words;
	int argc = 1, status, keep = dup(fd), file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	ssize_t len;

	strcpy(words, line);
	for (word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
		if (*word)
			argv[argc++] = word;
	}
	machines = 0;
	doctor_dev = NULL;
	optind = 0;
	fflush(stdout);
	dup2(file, fd);
	status = tenon_main(argc, argv);
	fflush(stdout);
	dup2(keep, fd);
	close(keep);
	len = pread(file, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	close(file);
	return status;
}

START_TEST(defaults)
{
	ck_assert_int_eq(tenon("run -k vmlinuz", 2), 0);
	ck_assert_uint_eq(machines, 1);
	ck_assert_str_eq(seen.kernel, "vmlinuz");
	ck_assert_str_eq(seen.dev, "/dev/tenon");
	ck_assert_str_eq(seen.name, "guest");
	ck_assert_uint_eq(seen.mem, 512ULL << 20);
	ck_assert_uint_eq(seen.cpus, 1);
	ck_assert_ptr_null(seen.initrd);
	ck_assert_ptr_null(seen.cmdline);
	ck_assert_int_eq(seen.console, CONSOLE_SERIAL);
	ck_assert_uint_eq(seen.nr_disks + seen.nr_ports + seen.no_reboot, 0);
	ck_assert_str_eq(text, "");
}
END_TEST

static void all_seen(void)
{
	ck_assert_str_eq(seen.kernel, "k");
	ck_assert_str_eq(seen.initrd, "i");
	ck_assert_str_eq(seen.cmdline, "quiet");
	ck_assert_uint_eq(seen.mem, 2ULL << 30);
	ck_assert_uint_eq(seen.cpus, 4);
	ck_assert_str_eq(seen.name, "web-1");
	ck_assert_str_eq(seen.dev, "/dev/kvm");
	ck_assert_uint_eq(seen.nr_disks, 2);
	ck_assert_str_eq(seen.disk[0].path, "a.img");
	ck_assert(!seen.disk[0].readonly);
	ck_assert_str_eq(seen.disk[1].path, "b,c.img");
	ck_assert(seen.disk[1].readonly);
	ck_assert_uint_eq(seen.nr_ports, 1);
	ck_assert_str_eq(seen.port[0].name, "out");
	ck_assert_str_eq(seen.port[0].path, "f=1");
	ck_assert_int_eq(seen.console, CONSOLE_VIRTIO);
	ck_assert(seen.no_reboot);
}

START_TEST(all_options)
{
	ck_assert_int_eq(tenon("run -k k -i i -a quiet -m 2G -c 4 -d a.img -d b,c.img,ro -n web-1 "
			       "--dev /dev/kvm --port out=f=1 --console virtio --no-reboot",
			       2),
			 0);
	all_seen();
	ck_assert_int_eq(tenon("run --kernel k --initrd=i --append quiet --mem=2048 --cpus 4 "
			       "--disk a.img --disk=b,c.img,ro --name web-1 --dev=/dev/kvm "
			       "--port=out=f=1 --console=virtio --no-reboot",
			       2),
			 0);
	all_seen();
}
END_TEST

static const struct {
	const char *word;
	uint64_t bytes;
} sizes[] = {
	{ "64", 64ULL << 20 },	   { "64M", 64ULL << 20 },    { "64m", 64ULL << 20 },
	{ "65536K", 64ULL << 20 }, { "2G", 2ULL << 30 },      { "1025K", 1024ULL << 10 },
	{ "1T", 1ULL << 40 },	   { "1048576", 1ULL << 40 }, { "1", 1ULL << 20 },
};

START_TEST(memory_sizes)
{
	char line[64];

	snprintf(line, sizeof(line), "run -k k -m %s", sizes[_i].word);
	ck_assert_int_eq(tenon(line, 2), 0);
	ck_assert_uint_eq(seen.mem, sizes[_i].bytes);
}
END_TEST

/* One line, which begins with @says; status 2; no machine is made. */
static const struct {
	const char *line;
	const char *says;
} mistakes[] = {
	{ "", "tenon: usage: " },
	{ "fly", "tenon: fly: no such command" },
	{ "run", "tenon: -k: no kernel" },
	{ "run k", "tenon: k: not an option" },
	{ "run -k", "tenon: -k: an argument is missing" },
	{ "run --kernel", "tenon: --kernel: an argument is missing" },
	{ "run -k k -z", "tenon: -z: no such option" },
	{ "run -k k --zoo", "tenon: --zoo: no such option" },
	{ "run -k k --no-reboot=1", "tenon: --no-reboot=1: takes no argument" },
	{ "run -k k -m 0", "tenon: -m: 0: less than" },
	{ "run -k k -m 100T", "tenon: -m: 100T: more than" },
	{ "run -k k -m 18446744073709551616", "tenon: -m: 18446744073709551616: more than" },
	{ "run -k k --mem 99999999999G", "tenon: --mem: 99999999999G: more than" },
	{ "run -k k -m -1", "tenon: -m: -1: not a size" },
	{ "run -k k -m 5X", "tenon: -m: 5X: not a size" },
	{ "run -k k -m 5MB", "tenon: -m: 5MB: not a size" },
	{ "run -k k -c 0", "tenon: -c: 0: from 1 to" },
	{ "run -k k -c 100000", "tenon: -c: 100000: from 1 to" },
	{ "run -k k -c 256", "tenon: -c: 256: from 1 to" },
	{ "run -k k -c two", "tenon: -c: two: not a number" },
	{ "run -k k -c -1", "tenon: -c: -1: not a number" },
	{ "run -k k -d ,ro", "tenon: -d: no file" },
	{ "run -k k --port x", "tenon: --port: x: not NAME=FILE" },
	{ "run -k k --port =x", "tenon: --port: =x: not NAME=FILE" },
	{ "run -k k --console tv", "tenon: --console: tv: serial or virtio" },
	{ "run -k k -n a/b", "tenon: -n: a/b: up to" },
	{ "run -k k -n a\nb", "tenon: -n: a?b: up to" },
	{ "doctor x", "tenon: x: not an option" },
};

START_TEST(mistakes_get_one_line)
{
	ck_assert_int_eq(tenon(mistakes[_i].line, 2), STATUS_USAGE);
	ck_assert_msg(!strncmp(text, mistakes[_i].says, strlen(mistakes[_i].says)),
		      "\"%s\" says: %s", mistakes[_i].line, text);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_uint_eq(machines, 0);
}
END_TEST

START_TEST(too_many_disks)
{
	char line[256] = "run -k k";

	for (unsigned int i = 0; i < CONFIG_MAX_DISKS; i++)
		strcat(line, " -d x");
	ck_assert_int_eq(tenon(line, 2), 0);
	ck_assert_uint_eq(seen.nr_disks, CONFIG_MAX_DISKS);
	strcat(line, " -d x");
	ck_assert_int_eq(tenon(line, 2), STATUS_USAGE);
}
END_TEST

static const char *const helps[] = { "help", "--help", "-h", "run --help", "run -k k --help" };

START_TEST(helps_out)
{
	ck_assert_int_eq(tenon(helps[_i], 1), 0);
	for (size_t i = 0; i < NR_OPTIONS; i++)
		ck_assert_msg(strstr(text, options[i].name), "no %s in the help", options[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		ck_assert_ptr_nonnull(strstr(text, verbs[i].name));
}
END_TEST

START_TEST(tells_its_version)
{
	ck_assert_int_eq(tenon("version", 1), 0);
	ck_assert_str_eq(text, "tenon " VERSION "\n");
	ck_assert_int_eq(tenon("--version", 1), 0);
	ck_assert_str_eq(text, "tenon " VERSION "\n");
}
END_TEST

START_TEST(calls_the_doctor)
{
	ck_assert_int_eq(tenon("doctor", 2), 0);
	ck_assert_str_eq(doctor_dev, "/dev/tenon");
	ck_assert_int_eq(tenon("doctor --dev /dev/kvm", 2), 0);
	ck_assert_str_eq(doctor_dev, "/dev/kvm");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli");
	TCase *tcase = tcase_create("cli");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, defaults);
	tcase_add_test(tcase, all_options);
	tcase_add_loop_test(tcase, memory_sizes, 0, ARRAY_SIZE(sizes));
	tcase_add_loop_test(tcase, mistakes_get_one_line, 0, ARRAY_SIZE(mistakes));
	tcase_add_test(tcase, too_many_disks);
	tcase_add_loop_test(tcase, helps_out, 0, ARRAY_SIZE(helps));
	tcase_add_test(tcase, tells_its_version);
	tcase_add_test(tcase, calls_the_doctor);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
