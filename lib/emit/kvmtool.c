// kvmtool (lkvm): its command line. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/argv.h"
#include "emit/emitters.h"
#include "emit/vmm.h"

#include <string.h>

#define MOST_BARS (1LL << 30)

static void add_guest(const struct hp_emit *emit, struct hp_emission *to, struct hp_argv *argv)
{
	hp_argv_add(argv, "--name");
	hp_argv_add(argv, emit->name);
	hp_argv_add(argv, "--cpus");
	hp_argv_addf(argv, "%lld", (long long)emit->cpus);
	hp_argv_add(argv, "--mem"); // MiB
	hp_argv_addf(argv, "%lld", (long long)(emit->guest_memory >> 20));
	if (!hp_vmm_page_bytes(emit, to))
		return;
	hp_argv_add(argv, "--hugetlbfs");
	hp_argv_add(argv, "/dev/hugepages");
	hp_note(to, "the pages are those of the hugetlbfs that is mounted on /dev/hugepages");
}

static void add_boot(const struct hp_emit *emit, struct hp_emission *to, struct hp_argv *argv)
{
	const struct hp_emit_wish *wish = emit->wish;
	const struct {
		const char *option, *value;
	} words[] = {
	    {"--kernel", wish->kernel},
	    {"--initrd", wish->kernel ? wish->initrd : NULL},
	    {"--params", wish->kernel ? wish->append : NULL},
	    {"--disk", wish->image},
	};
	for (size_t i = 0; i < HP_COUNT(words); i++) {
		if (!words[i].value)
			continue;
		hp_argv_add(argv, words[i].option);
		hp_argv_add(argv, words[i].value);
	}
	if (!wish->kernel)
		hp_note(to, "kvmtool boots a kernel: --kernel says which");
}

/* It names its socket by the guest's name. */
static bool is_file_name(const char *name)
{
	return *name && *name != '-' && !strchr(name, '/');
}

/* It places BARs by 32-bit addresses (kvmtool/kvmtool:pci.c, pci_get_mmio_block). */
static bool bars_fit(const struct hp_emit *emit, struct hp_emission *to)
{
	int64_t window = hp_emit_window(emit);
	if (window < 0)
		window = hp_emit_listed_window(emit);
	hp_cleanup_free char *size = hp_size_text(window);
	if (window < 0)
		hp_note(to, "kvmtool places BARs below 4 GiB; how large these are is not known");
	else if (window > MOST_BARS)
		hp_refuse(to, "kvmtool/kvmtool:pci.c",
		          "kvmtool places BARs below 4 GiB: a window of %s does not fit there",
		          size);
	return window <= MOST_BARS;
}

int hp_emit_kvmtool(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	size_t count;
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_cleanup_free struct hp_vmm_function *functions = hp_vmm_functions(emit, to, &count);
	if (!is_file_name(emit->name))
		return hp_refuse(to, NULL, "kvmtool names a file by the guest: '%s' cannot be one",
		                 emit->name);
	if (!bars_fit(emit, to))
		return 0;
	hp_argv_add(&argv, "lkvm");
	hp_argv_add(&argv, "run");
	add_guest(emit, to, &argv);
	add_boot(emit, to, &argv);
	for (size_t i = 0; i < count; i++) {
		if (functions[i].device->way == HP_WAY_MDEV)
			return hp_refuse(to, NULL,
			                 "kvmtool takes PCI functions, no mediated device");
		hp_argv_add(&argv, "--vfio-pci");
		hp_argv_add(&argv, functions[i].address);
	}
	hp_vmm_iommufd(emit, to, "lkvm");
	hp_note(to, "the guest does not see the devices' ROM");
	hp_argv_text(&to->text, &argv);
	return 0;
}
