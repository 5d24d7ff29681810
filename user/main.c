// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "config.h"
#include "doctor.h"
#include "error.h"
#include "machine.h"

#define VERSION	    "0.1"
#define DEFAULT_DEV "/dev/tenon"
#define DEFAULT_MEM (512ULL << 20)
#define LONG_ONLY   256

/**
 * struct option_row - One option of "tenon run".
 * @letter: its short name, 0 if it has none
 * @name: its long name
 * @argument: what its argument is called in the help, NULL if it takes none
 * @help: one line
 * @take: store it in the configuration; false after a message
 */
struct option_row {
	char letter;
	const char *name;
	const char *argument;
	const char *help;
	bool (*take)(struct config *config, const char *flag, char *value);
};

static bool take_kernel(struct config *config, const char *flag, char *value)
{
	(void)flag;
	config->kernel = value;
	return true;
}

static bool take_initrd(struct config *config, const char *flag, char *value)
{
	(void)flag;
	config->initrd = value;
	return true;
}

static bool take_cmdline(struct config *config, const char *flag, char *value)
{
	(void)flag;
	config->cmdline = value;
	return true;
}

static bool take_dev(struct config *config, const char *flag, char *value)
{
	(void)flag;
	config->dev = value;
	return true;
}

/* Return: how far a size's suffix shifts it, -1 if there is no such suffix. */
static int suffix_shift(const char *suffix)
{
	static const char letters[] = "KMGT";
	const char *found;

	if (!*suffix)
		return 20;
	found = strchr(letters, toupper((unsigned char)*suffix));
	return found && !suffix[1] ? 10 * (int)(found - letters + 1) : -1;
}

static bool take_mem(struct config *config, const char *flag, char *value)
{
	char *end;
	unsigned long long number;
	int shift;

	errno = 0;
	number = strtoull(value, &end, 10);
	shift = suffix_shift(end);
	if (!isdigit((unsigned char)*value) || shift < 0) {
		say_error(flag, "%s: not a size: a number with K, M, G or T", value);
		return false;
	}
	if (errno || number > MACHINE_MAX_MEM >> shift) {
		say_error(flag, "%s: more than %llu GiB", value, MACHINE_MAX_MEM >> 30);
		return false;
	}
	config->mem = (number << shift) & ~4095ULL;
	if (config->mem >= MACHINE_MIN_MEM)
		return true;
	say_error(flag, "%s: less than %llu MiB", value, MACHINE_MIN_MEM >> 20);
	return false;
}

static bool take_cpus(struct config *config, const char *flag, char *value)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end) {
		say_error(flag, "%s: not a number of CPUs", value);
		return false;
	}
	if (errno || !number || number > MACHINE_MAX_CPUS) {
		say_error(flag, "%s: from 1 to %d CPUs", value, MACHINE_MAX_CPUS);
		return false;
	}
	config->cpus = (unsigned int)number;
	return true;
}

static bool take_disk(struct config *config, const char *flag, char *value)
{
	struct disk_config *disk = &config->disk[config->nr_disks];
	char *comma = strrchr(value, ',');

	if (config->nr_disks == CONFIG_MAX_DISKS) {
		say_error(flag, "%s: more than %d disks", value, CONFIG_MAX_DISKS);
		return false;
	}
	if (comma && !strcmp(comma, ",ro")) {
		disk->readonly = true;
		*comma = '\0';
	}
	if (!*value) {
		say_error(flag, "no file is named");
		return false;
	}
	disk->path = value;
	config->nr_disks++;
	return true;
}

static bool take_port(struct config *config, const char *flag, char *value)
{
	char *equals = strchr(value, '=');

	if (config->nr_ports == CONFIG_MAX_PORTS) {
		say_error(flag, "%s: more than %d ports", value, CONFIG_MAX_PORTS);
		return false;
	}
	if (!equals || equals == value || !equals[1]) {
		say_error(flag, "%s: not NAME=FILE", value);
		return false;
	}
	*equals = '\0';
	config->port[config->nr_ports++] =
		(struct port_config){ .name = value, .path = equals + 1 };
	return true;
}

static bool take_name(struct config *config, const char *flag, char *value)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)value[i]) && !strchr("-_.", value[i]))
			len = 0;
	}
	if (!len || len > CONFIG_NAME_MAX) {
		say_error(flag, "%s: up to %d letters, digits, '-', '_', '.'", value,
			  CONFIG_NAME_MAX);
		return false;
	}
	config->name = value;
	return true;
}

static bool take_console(struct config *config, const char *flag, char *value)
{
	static const char *const names[] = {
		[CONSOLE_SERIAL] = "serial",
		[CONSOLE_VIRTIO] = "virtio",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(value, names[i])) {
			config->console = (enum console_kind)i;
			return true;
		}
	}
	say_error(flag, "%s: serial or virtio", value);
	return false;
}

static bool take_no_reboot(struct config *config, const char *flag, char *value)
{
	(void)flag;
	(void)value;
	config->no_reboot = true;
	return true;
}

static const struct option_row options[] = {
	{ 'k', "kernel", "BZIMAGE", "Linux kernel to boot (required)", take_kernel },
	{ 'i', "initrd", "FILE", "initial RAM disk", take_initrd },
	{ 'a', "append", "CMDLINE", "kernel command line; a console is named if it has none",
	  take_cmdline },
	{ 'm', "mem", "SIZE", "guest RAM in MiB, or with K, M, G, T (512M)", take_mem },
	{ 'c', "cpus", "N", "virtual CPUs (1)", take_cpus },
	{ 'd', "disk", "FILE[,ro]", "virtio disk: a raw image or block device; may be repeated",
	  take_disk },
	{ 0, "port", "NAME=FILE",
	  "virtio console port NAME, its output goes to FILE; may be repeated", take_port },
	{ 0, "console", "KIND", "what the terminal is to the guest: serial or virtio (serial)",
	  take_console },
	{ 'n', "name", "NAME", "name of the VM and its threads (guest)", take_name },
	{ 0, "no-reboot", NULL, "end when the guest resets itself", take_no_reboot },
	{ 0, "dev", "PATH", "hypervisor to use (" DEFAULT_DEV ")", take_dev },
};

#define NR_OPTIONS (ARRAY_SIZE(options))

/**
 * struct verb - A command of the program.
 * @name: the word
 * @arguments: for the help
 * @help: one line
 * @run: with the arguments from the verb on; returns an exit status
 */
struct verb {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(int argc, char **argv);
};

static int run(int argc, char **argv);
static int examine(int argc, char **argv);
static int help(int argc, char **argv);
static int version(int argc, char **argv);

static const struct verb verbs[] = {
	{ "run", "-k BZIMAGE [OPTION]...", "run a virtual machine until it is switched off", run },
	{ "doctor", "[--dev PATH]", "tell what this machine can do, and mend what it cannot",
	  examine },
	{ "help", "", "print this", help },
	{ "version", "", "print the version", version },
};

static int help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("%s tenon %-7s %-23s %s\n", i ? "      " : "Usage:", verbs[i].name,
		       verbs[i].arguments, verbs[i].help);
	printf("\nOptions of tenon run:\n");
	for (size_t i = 0; i < NR_OPTIONS; i++) {
		const struct option_row *row = &options[i];
		char letter[] = { '-', row->letter, ',', '\0' }, name[40];

		snprintf(name, sizeof(name), "--%s%s%s", row->name, row->argument ? " " : "",
			 row->argument ? row->argument : "");
		printf("  %-3s %-20s %s\n", row->letter ? letter : "", name, row->help);
	}
	printf("\nThe console: Ctrl-A x ends the VM, Ctrl-A h helps, Ctrl-A a sends Ctrl-A.\n"
	       "Exit status: 0 when the guest switched itself off or the user ended it, 1 on\n"
	       "failure, 2 on wrong usage. See tenon(1).\n");
	return STATUS_OK;
}

static int version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("tenon " VERSION "\n");
	return STATUS_OK;
}

/* getopt's own tables, from ours. Rows without a letter are LONG_ONLY + their number. */
static void make_getopt_tables(char *letters, struct option *longs)
{
	*letters++ = ':';
	for (size_t i = 0; i < NR_OPTIONS; i++) {
		const struct option_row *row = &options[i];

		longs[i] = (struct option){
			.name = row->name,
			.has_arg = row->argument ? required_argument : no_argument,
			.val = LONG_ONLY + (int)i,
		};
		if (!row->letter)
			continue;
		*letters++ = row->letter;
		if (row->argument)
			*letters++ = ':';
	}
	*letters = '\0';
	longs[NR_OPTIONS] = (struct option){ 0 };
}

static const struct option_row *find_option(int value)
{
	for (size_t i = 0; i < NR_OPTIONS; i++) {
		if (value == LONG_ONLY + (int)i ||
		    (options[i].letter && value == options[i].letter))
			return &options[i];
	}
	return NULL;
}

/* getopt has stopped at something: say what. */
static void refuse(int reason, char *word)
{
	char letter[] = { '-', (char)optopt, '\0' };
	const struct option_row *row = find_option(optopt);

	if (reason == ':')
		say_error(optopt < LONG_ONLY ? letter : word, "an argument is missing");
	else if (row && optopt >= LONG_ONLY)
		say_error(word, "takes no argument");
	else
		say_error(optopt ? letter : word, "no such option; see tenon --help");
}

static bool parse(struct config *config, int argc, char **argv)
{
	char letters[2 * NR_OPTIONS + 2], flag[40];
	struct option longs[NR_OPTIONS + 1];
	int value;

	make_getopt_tables(letters, longs);
	opterr = 0;
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_row *row = find_option(value);

		if (!row || value == ':' || value == '?') {
			refuse(value, argv[optind - 1]);
			return false;
		}
		if (value < LONG_ONLY)
			snprintf(flag, sizeof(flag), "-%c", row->letter);
		else
			snprintf(flag, sizeof(flag), "--%s", row->name);
		if (!row->take(config, flag, optarg))
			return false;
	}
	if (optind == argc)
		return true;
	say_error(argv[optind], "not an option; see tenon --help");
	return false;
}

static void set_defaults(struct config *config)
{
	*config = (struct config){
		.name = "guest",
		.dev = DEFAULT_DEV,
		.mem = DEFAULT_MEM,
		.cpus = 1,
	};
}

static int run(int argc, char **argv)
{
	struct config config;

	set_defaults(&config);
	if (!parse(&config, argc, argv))
		return STATUS_USAGE;
	if (!config.kernel) {
		say_error("-k", "no kernel is named; see tenon --help");
		return STATUS_USAGE;
	}
	return machine_run(&config);
}

static int examine(int argc, char **argv)
{
	struct config config;

	set_defaults(&config);
	if (!parse(&config, argc, argv))
		return STATUS_USAGE;
	return doctor(config.dev);
}

/* The verbs "help" and "version" are also known in the spelling of options, anywhere. */
static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
} synonyms[] = {
	{ "--help", help },
	{ "-h", help },
	{ "--version", version },
	{ "-V", version },
};

static int (*find_synonym(const char *word))(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++) {
		if (!strcmp(word, synonyms[i].word))
			return synonyms[i].run;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int (*synonym)(int argc, char **argv) = find_synonym(argv[i]);

		if (synonym)
			return synonym(argc, argv);
	}
	if (argc < 2) {
		say_error("usage", "tenon run -k BZIMAGE [OPTION]...; see tenon --help");
		return STATUS_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	}
	say_error(argv[1], "no such command; see tenon --help");
	return STATUS_USAGE;
}
