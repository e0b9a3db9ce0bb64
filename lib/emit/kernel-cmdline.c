// The kernel's command line: what it needs for VFIO. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/emitters.h"
#include "emit/vmm.h"

#include <string.h>

#define GIB (1LL << 30)

static void add_word(struct hp_text *text, const char *word)
{
	hp_text_printf(text, "%s%s", text->length ? " " : "", word);
}

/* AMD's and ARM's are on by default; Intel's depends on how the kernel was built. */
static void add_iommu(const struct hp_emit *emit, struct hp_emission *to, struct hp_text *text)
{
	hp_cleanup_free char *maker =
	    hp_emit_text(emit, "SELECT vendor FROM cpu WHERE host = ?1", NULL);
	if (!maker)
		hp_note(to,
		        "the CPU's maker is not known: on Intel's, intel_iommu=on belongs here");
	else if (strcmp(maker, "intel") == 0)
		add_word(text, "intel_iommu=on");
	add_word(text, "iommu=pt");
}

/* From the boot on, of the size that the guest's memory is a multiple of. */
static void add_hugepages(const struct hp_emit *emit, struct hp_text *text)
{
	bool asked = emit->wish->guest_memory > 0 ||
	             hp_emit_number(emit, "SELECT guest_memory_bytes FROM intent WHERE host = ?1",
	                            NULL, -1) > 0;
	bool big = emit->guest_memory % GIB == 0;
	long long count = (long long)(emit->guest_memory / (big ? GIB : 2 << 20));
	if (!asked)
		return;
	hp_cleanup_free char *words =
	    hp_asprintf("%shugepagesz=%s hugepages=%lld", big ? "default_hugepagesz=1G " : "",
	                big ? "1G" : "2M", count);
	add_word(text, words);
}

int hp_emit_kernel_cmdline(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	struct hp_text *text = &to->text;
	hp_cleanup_text struct hp_text ids = {0};
	add_iommu(emit, to, text);
	hp_vmm_ids(emit, to, &ids);
	if (ids.length) {
		hp_cleanup_free char *word = hp_asprintf("vfio-pci.ids=%s", ids.data);
		add_word(text, word);
		hp_note(to, "vfio-pci.ids counts only where vfio-pci is loaded before the devices' "
		            "driver: `happypath emit modprobe` writes that");
	}
	add_hugepages(emit, text);
	hp_text_puts(text, "\n");
	return 0;
}
