// SPDX-License-Identifier: GPL-2.0-only
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array_size.h"
#include "doctor.h"
#include "error.h"
#include "vm.h"

#define TEXT_MAX	       256

#define LEAF1_ECX_VMX	       0x20u
#define LEAF1_ECX_HYPERVISOR   0x80000000u
#define EXT1_ECX_SVM	       0x4u
#define LEAF_SVM	       0x8000000a
#define SVM_EDX_NPT	       0x1u

#define MSR_FEATURE_CONTROL    0x3a
#define FEATURE_CONTROL_LOCKED 0x1
#define FEATURE_CONTROL_VMX    0x4
#define MSR_VM_CR	       0xc0010114
#define VM_CR_SVMDIS	       0x10

enum verdict {
	GOOD,
	NOTE, /* worth knowing, nothing to mend */
	BAD,
};

static const char *const verdict_names[] = {
	[GOOD] = "ok",
	[NOTE] = "note",
	[BAD] = "MISSING",
};

/* One finding: what was seen, and the command that mends it (or advice, or nothing). */
struct finding {
	enum verdict verdict;
	char text[TEXT_MAX];
	char mend[TEXT_MAX];
};

/* What all checks know. */
struct patient {
	const char *dev;
	char vendor[13];
	bool svm;
	bool vmx;
	bool nested;
	bool unusable; /* the processor, by a finding before */
};

#define SAY(finding, ...)  snprintf((finding)->text, sizeof((finding)->text), __VA_ARGS__)
#define MEND(finding, ...) snprintf((finding)->mend, sizeof((finding)->mend), __VA_ARGS__)

static void look_at_processor(struct patient *patient)
{
	unsigned int a = 0, b = 0, c = 0, d = 0;

	if (__get_cpuid(0, &a, &b, &c, &d)) {
		memcpy(patient->vendor, &b, 4);
		memcpy(patient->vendor + 4, &d, 4);
		memcpy(patient->vendor + 8, &c, 4);
	}
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		patient->vmx = c & LEAF1_ECX_VMX;
		patient->nested = c & LEAF1_ECX_HYPERVISOR;
	}
	if (__get_cpuid(0x80000001, &a, &b, &c, &d))
		patient->svm = c & EXT1_ECX_SVM;
}

static void check_processor(const struct patient *patient, struct finding *finding)
{
	if (patient->svm || patient->vmx) {
		SAY(finding, "%s with %s%s", patient->vendor, patient->svm ? "SVM" : "VMX",
		    patient->nested ? ", itself in a virtual machine" : "");
		return;
	}
	finding->verdict = BAD;
	SAY(finding, "%s without SVM or VMX", patient->vendor);
	if (patient->nested)
		MEND(finding,
		     "switch on nested virtualization for this virtual machine, on its host");
	else
		MEND(finding, "switch on SVM or VT-x in the firmware's setup");
}

static const struct {
	unsigned int bit;
	const char *name;
} svm_features[] = {
	{ 0, "NPT" },
	{ 2, "SVM lock" },
	{ 3, "NRIPS" },
	{ 4, "TSC ratio" },
	{ 5, "clean bits" },
	{ 6, "flush by ASID" },
	{ 7, "decode assists" },
	{ 10, "pause filter" },
	{ 13, "AVIC" },
	{ 16, "vGIF" },
};

static void check_svm(const struct patient *patient, struct finding *finding)
{
	unsigned int a = 0, b = 0, c = 0, d = 0;
	size_t len;

	if (!patient->svm || patient->unusable || !__get_cpuid(LEAF_SVM, &a, &b, &c, &d))
		return;
	SAY(finding, "%u ASIDs", b);
	for (size_t i = 0; i < ARRAY_SIZE(svm_features); i++) {
		len = strlen(finding->text);
		if (d & (1u << svm_features[i].bit))
			snprintf(finding->text + len, sizeof(finding->text) - len, ", %s",
				 svm_features[i].name);
	}
	if (d & SVM_EDX_NPT)
		return;
	finding->verdict = BAD;
	MEND(finding, "none: this processor has no nested paging (NPT), which Tenon needs");
}

/*
 * A line of /proc/cpuinfo, whose name begins with @name: what the kernel found in CPUID and MSRs,
 * and has not switched off.
 *
 * Return: its words, with a blank before and behind each; NULL if there is no such line.
 */
static char *read_cpuinfo(const char *name, char *line, int size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *words = NULL, *end;

	while (file && !words && fgets(line, size, file)) {
		if (!strncmp(line, name, strlen(name)))
			words = strchr(line, ':');
	}
	if (file)
		fclose(file);
	if (!words)
		return NULL;
	end = strchr(words, '\n');
	if (end)
		*end = ' ';
	return words + 1;
}

/* As the kernel names them. */
static const struct {
	const char *word;
	const char *name;
} vmx_needed[] = {
	{ " ept ", "EPT" },
	{ " unrestricted_guest ", "unrestricted guest" },
	{ " vnmi ", "virtual NMIs" },
	{ " vtpr ", "the TPR shadow" },
	{ " tsc_offset ", "TSC offsetting" },
};

static void check_vmx(const struct patient *patient, struct finding *finding)
{
	char line[4096], *words;

	if (!patient->vmx || patient->unusable)
		return;
	words = read_cpuinfo("vmx flags", line, sizeof(line));
	if (!words) {
		finding->verdict = NOTE;
		SAY(finding, "the kernel does not tell the features of VMX");
		return;
	}
	SAY(finding, "%.200s", words + 1);
	for (size_t i = 0; i < ARRAY_SIZE(vmx_needed); i++) {
		if (strstr(words, vmx_needed[i].word))
			continue;
		finding->verdict = BAD;
		MEND(finding, "none: this processor's VMX is without %s, which Tenon needs",
		     vmx_needed[i].name);
		return;
	}
}

/* Return: the MSR was read. */
static bool read_msr(uint32_t msr, uint64_t *value)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && pread(fd, value, sizeof(*value), msr) == sizeof(*value);

	if (fd >= 0)
		close(fd);
	return good;
}

static bool tenon_is_loaded(void)
{
	return !access("/sys/module/tenon", F_OK);
}

enum lock {
	OPEN,
	LOCKED_OUT,
	UNSEEN,
};

/*
 * A kernel hides VMX where firmware has locked it out, and most show SVM even so: there the MSR
 * tells, or a module that has been loaded.
 */
static enum lock firmware_lock(const struct patient *patient)
{
	char line[4096], *words = read_cpuinfo("flags", line, sizeof(line));
	uint64_t value, mask = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX;

	if (words && !strstr(words, patient->svm ? " svm " : " vmx "))
		return LOCKED_OUT;
	if (!read_msr(patient->svm ? MSR_VM_CR : MSR_FEATURE_CONTROL, &value))
		return patient->svm && !tenon_is_loaded() ? UNSEEN : OPEN;
	if (patient->svm)
		return value & VM_CR_SVMDIS ? LOCKED_OUT : OPEN;
	return (value & mask) == FEATURE_CONTROL_LOCKED ? LOCKED_OUT : OPEN;
}

static void check_firmware(const struct patient *patient, struct finding *finding)
{
	if (!patient->svm && !patient->vmx)
		return;
	switch (firmware_lock(patient)) {
	case OPEN:
		SAY(finding, "it allows virtualization");
		break;
	case LOCKED_OUT:
		finding->verdict = BAD;
		SAY(finding, "it locks out virtualization");
		MEND(finding,
		     "switch on SVM or VT-x in the firmware's setup, then power off and on");
		break;
	case UNSEEN:
		finding->verdict = NOTE;
		SAY(finding, "whether it allows virtualization cannot be seen from here");
		MEND(finding, "sudo modprobe msr; sudo tenon doctor");
		break;
	}
}

/* Return: a number from a file of /sys, @otherwise if there is none. */
static long read_number(const char *path, long otherwise)
{
	FILE *file = fopen(path, "re");
	long value = otherwise;

	if (!file)
		return otherwise;
	if (fscanf(file, "%ld", &value) != 1)
		value = otherwise;
	fclose(file);
	return value;
}

static void check_module(const struct patient *patient, struct finding *finding)
{
	if (tenon_is_loaded()) {
		SAY(finding, "tenon is loaded, in use by %ld",
		    read_number("/sys/module/tenon/refcnt", 0));
		return;
	}
	finding->verdict = strcmp(patient->dev, "/dev/tenon") ? NOTE : BAD;
	SAY(finding, "tenon is not loaded%s",
	    patient->unusable ? ", and cannot be, for what is missing above" : "");
	if (patient->unusable)
		return;
	MEND(finding, "sudo modprobe tenon   (or: sudo insmod tenon.ko)");
}

/* kvm.ko 6.12 holds virtualization from load on, unless told otherwise; 6.1 while it has VMs. */
static void check_kvm(const struct patient *patient, struct finding *finding)
{
	const char *vendor = patient->svm ? "kvm_amd" : "kvm_intel";
	char path[64], answer = 'N';
	FILE *file;
	long users;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", vendor);
	users = read_number(path, -1);
	if (users < 0) {
		SAY(finding, "%s is not loaded", vendor);
		return;
	}
	file = fopen("/sys/module/kvm/parameters/enable_virt_at_load", "re");
	if (file && fscanf(file, "%c", &answer) != 1)
		answer = 'N';
	if (file)
		fclose(file);
	SAY(finding, "%s is loaded, in use by %ld%s", vendor, users,
	    answer == 'Y' ? ", and holds the processors while loaded" : "");
	if (!users && answer != 'Y')
		return;
	finding->verdict = NOTE;
	MEND(finding, "end its virtual machines, then: sudo modprobe -r %s kvm", vendor);
}

static void check_node(const struct patient *patient, struct finding *finding)
{
	struct stat st;
	struct group *group;

	if (stat(patient->dev, &st)) {
		finding->verdict = BAD;
		SAY(finding, "%s: %s", patient->dev, strerror(errno));
		MEND(finding, "load the module that makes it");
		return;
	}
	group = getgrgid(st.st_gid);
	SAY(finding, "%s: mode %04o, group %s", patient->dev, st.st_mode & 07777,
	    group ? group->gr_name : "unknown");
	if (!access(patient->dev, R_OK | W_OK))
		return;
	finding->verdict = BAD;
	if (group && st.st_gid && (st.st_mode & 060) == 060)
		MEND(finding, "sudo usermod -aG %s \"$USER\"   (then log in anew)", group->gr_name);
	else
		MEND(finding, "install the udev rule 60-tenon.rules, then: sudo udevadm trigger");
}

static void try_vm(int dev_fd, const struct patient *patient, struct finding *finding)
{
	int fd = ioctl(dev_fd, KVM_CREATE_VM, 0);

	if (fd >= 0) {
		close(fd);
		SAY(finding, "%s makes virtual machines", patient->dev);
		return;
	}
	finding->verdict = BAD;
	SAY(finding, "%s makes no virtual machine: %s", patient->dev, strerror(errno));
	if (errno == EBUSY)
		MEND(finding, "another hypervisor holds the processors: sudo modprobe -r %s kvm",
		     patient->svm ? "kvm_amd" : "kvm_intel");
	else
		MEND(finding, "see: sudo dmesg | tail");
}

static void check_vm(const struct patient *patient, struct finding *finding)
{
	int number, fd = open(patient->dev, O_RDWR | O_CLOEXEC);
	const char *missing;

	if (fd < 0) {
		finding->verdict = BAD;
		SAY(finding, "%s cannot be opened: %s", patient->dev, strerror(errno));
		return;
	}
	missing = vm_missing_capability(fd, &number);
	if (missing) {
		finding->verdict = BAD;
		SAY(finding, "%s lacks %s (%d)", patient->dev, missing, number);
		MEND(finding, "take a newer module");
	} else {
		try_vm(fd, patient, finding);
	}
	close(fd);
}

static void check_other(const struct patient *patient, struct finding *finding)
{
	static const char other[] = "/dev/kvm";
	int number, fd;

	if (!strcmp(patient->dev, other))
		return;
	fd = open(other, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!vm_missing_capability(fd, &number)) {
		finding->verdict = NOTE;
		SAY(finding, "%s can be used too: tenon run --dev %s", other, other);
	}
	close(fd);
}

/* @NEEDED: without it the module does not load. @DECIDES: a guest can run if it is good. */
enum weight {
	WORTH_KNOWING,
	NEEDED,
	DECIDES,
};

static const struct {
	const char *name;
	void (*check)(const struct patient *patient, struct finding *finding);
	enum weight weight;
} checks[] = {
	{ "processor", check_processor, NEEDED },
	{ "firmware", check_firmware, NEEDED },
	{ "svm", check_svm, NEEDED },
	{ "vmx", check_vmx, NEEDED },
	{ "module", check_module, WORTH_KNOWING },
	{ "kvm", check_kvm, WORTH_KNOWING },
	{ "device", check_node, WORTH_KNOWING },
	{ "guests", check_vm, DECIDES },
	{ "instead", check_other, WORTH_KNOWING },
};

int doctor(const char *dev)
{
	struct patient patient = { .dev = dev };
	int status = STATUS_OK;

	look_at_processor(&patient);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct finding finding = { .verdict = GOOD };

		checks[i].check(&patient, &finding);
		if (!finding.text[0])
			continue;
		printf("%-8s %-10s %s\n", verdict_names[finding.verdict], checks[i].name,
		       finding.text);
		if (finding.mend[0])
			printf("%-8s %-10s   to mend it: %s\n", "", "", finding.mend);
		if (checks[i].weight == NEEDED && finding.verdict == BAD)
			patient.unusable = true;
		if (checks[i].weight == DECIDES && finding.verdict == BAD)
			status = STATUS_FAILURE;
	}
	printf("%s\n", status ? "A guest cannot run here yet." : "A guest can run here.");
	return status;
}
