// KVM: the device, and who is behind it. SPDX-License-Identifier: Apache-2.0
#include "probe/kvm-proof.h"
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

/* The modules that can be behind /dev/kvm. kvm_pvm is software: it runs guests made for it without
 * the processor's virtualization, and no stock kernel boots on it. */
static const char *const modules[] = {"kvm_intel", "kvm_amd", "kvm_hv", "kvm_pr", "kvm_pvm"};

static const char *module_behind(struct hp_host *host)
{
	for (size_t i = 0; i < HP_COUNT(modules); i++) {
		hp_cleanup_free char *path = hp_asprintf("/sys/module/%s", modules[i]);
		if (hp_host_exists(host, path) > 0)
			return modules[i];
	}
	return NULL;
}

static void put_module(struct hp_host *host, struct hp_row *row, enum hp_look device)
{
	static const int64_t no = 0;
	const char *module = module_behind(host);
	if (module) {
		hp_row_text(row, HP_KVM_MODULE, module);
		hp_cleanup_free char *path =
		    hp_asprintf("/sys/module/%s/parameters/nested", module);
		hp_look_put_flag(host, row, HP_KVM_NESTED, path, &no);
	} else if (device == HP_LOOK_SEEN) {
		// ARM, RISC-V and s390: KVM is one piece.
		hp_row_text(row, HP_KVM_MODULE, "kvm");
	} else if (hp_look_exists(host, row->facts, "/sys/module/kvm") != HP_LOOK_UNKNOWN) {
		hp_row_text(row, HP_KVM_MODULE, "none");
	}
}

static void put_proof(struct hp_facts *facts, struct hp_row *row)
{
	struct hp_error how = {0};
	const char *proof = hp_kvm_prove(&how);
	hp_row_text(row, HP_KVM_PROOF, proof);
	if (!proof || strcmp(proof, "failed") == 0)
		hp_facts_gap(facts, hp_probe_gap_kind(how.code), "kvm.proof", "%s", how.message);
	else
		hp_facts_origin(facts, HP_TBL_KVM, "", "proof", how.message, NULL);
}

int hp_probe_kvm(struct hp_host *host, struct hp_facts *facts,
                 const struct hp_probe_options *options, struct hp_error *err)
{
	static const char path[] = "/dev/kvm";
	bool live = hp_host_kind(host) == HP_HOST_LIVE;
	int accessible;
	struct hp_row row = hp_row_begin(facts, HP_TBL_KVM);
	enum hp_look device = hp_look_exists(host, facts, path);
	hp_look_put(&row, HP_KVM_DEVICE, device, "present", "none");
	if (device == HP_LOOK_ABSENT)
		hp_row_number(&row, HP_KVM_ACCESSIBLE, 0);
	else if ((accessible = hp_host_access(host, path)) >= 0)
		hp_row_number(&row, HP_KVM_ACCESSIBLE, accessible);
	put_module(host, &row, device);
	if (options->prove_kvm && live && device == HP_LOOK_SEEN)
		put_proof(facts, &row);
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_look_observed(host, facts, HP_TBL_KVM, "/dev", err);
}
