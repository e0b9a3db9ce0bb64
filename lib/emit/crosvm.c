// crosvm: its command line. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/argv.h"
#include "emit/emitters.h"
#include "emit/vmm.h"

#include <string.h>

static void add_guest(const struct hp_emit *emit, struct hp_emission *to, struct hp_argv *argv)
{
	hp_argv_add(argv, "--cpus");
	hp_argv_addf(argv, "%lld", (long long)emit->cpus);
	hp_argv_add(argv, "--mem"); // MiB
	hp_argv_addf(argv, "%lld", (long long)(emit->guest_memory >> 20));
	if (hp_vmm_page_bytes(emit, to))
		hp_argv_add(argv, "--hugepages");
	hp_argv_add(argv, "--serial");
	hp_argv_add(argv, "type=stdout,hardware=serial,num=1,console=true,stdin=true");
}

/* `path` is cut at a comma, and nothing escapes one. */
static bool add_disk(const struct hp_emit *emit, struct hp_emission *to, struct hp_argv *argv)
{
	const char *image = emit->wish->image;
	if (!image)
		return true;
	if (strchr(image, ',')) {
		hp_refuse(to, NULL, "crosvm takes no path with a comma: %s", image);
		return false;
	}
	hp_argv_add(argv, "--block");
	hp_argv_add(argv, image);
	return true;
}

static void add_kernel(const struct hp_emit *emit, struct hp_emission *to, struct hp_argv *argv)
{
	const struct hp_emit_wish *wish = emit->wish;
	if (!wish->kernel) {
		hp_note(to, "crosvm boots a kernel: --kernel says which");
		return;
	}
	if (wish->initrd) {
		hp_argv_add(argv, "--initrd");
		hp_argv_add(argv, wish->initrd);
	}
	if (wish->append) {
		hp_argv_add(argv, "--params");
		hp_argv_add(argv, wish->append);
	}
	hp_argv_add(argv, "--");
	hp_argv_add(argv, wish->kernel);
}

int hp_emit_crosvm(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	size_t count;
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_cleanup_free struct hp_vmm_function *functions = hp_vmm_functions(emit, to, &count);
	hp_argv_add(&argv, "crosvm");
	hp_argv_add(&argv, "run");
	add_guest(emit, to, &argv);
	if (!add_disk(emit, to, &argv))
		return 0;
	for (size_t i = 0; i < count; i++) {
		hp_argv_add(&argv, "--vfio");
		hp_argv_addf(&argv, "%s,iommu=off", functions[i].path);
	}
	hp_vmm_iommufd(emit, to, "crosvm");
	add_kernel(emit, to, &argv);
	hp_argv_text(&to->text, &argv);
	return 0;
}
