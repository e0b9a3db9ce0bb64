// What all container engines are told alike. SPDX-License-Identifier: Apache-2.0
#include "emit/container.h"

#include "base/cleanup.h"
#include "base/version.h"
#include "emit/nodes.h"

#include <string.h>

const char *hp_emit_image(const struct hp_emit *emit, struct hp_emission *to)
{
	if (emit->wish->image)
		return emit->wish->image;
	hp_note(to, "no image was named (--image): docker.io/library/debian:stable-slim stands for "
	            "it");
	return "docker.io/library/debian:stable-slim";
}

char *hp_emit_doubled(const char *word, char sign)
{
	struct hp_text text = {0};
	for (; *word; word++) {
		hp_text_add(&text, word, 1);
		if (*word == sign)
			hp_text_add(&text, word, 1);
	}
	return text.data ? text.data : hp_strdup("");
}

bool hp_emit_is_word(const char *text)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.:";
	return *text && text[strspn(text, word)] == '\0';
}

/* Engines count nothing: what shares a device is the schedulers' business, or MPS's. */
static const struct {
	const char *share, *note, *refusal, *source;
} shares[] = {
    {"time-slice",
     "containers that are given the same device share it by time slices: nothing counts them, and "
     "their memory is not kept apart",
     NULL, NULL},
    {"mps", NULL,
     "MPS needs its daemon, its pipe directory and the host's IPC in each container: Kubernetes' "
     "device plugin arranges that, and this format does not",
     "https://docs.nvidia.com/deploy/mps/"},
    {"vgpu", NULL, "a vGPU is for a virtual machine", NULL},
    {"mig-vgpu", NULL, "a vGPU is for a virtual machine", NULL},
};

bool hp_emit_container_share(const struct hp_emit *emit, struct hp_emission *to)
{
	for (size_t i = 0; i < HP_COUNT(shares); i++) {
		if (strcmp(shares[i].share, emit->surface->share) != 0)
			continue;
		if (shares[i].note)
			hp_note(to, "%s", shares[i].note);
		if (shares[i].refusal)
			hp_refuse(to, shares[i].source, "%s", shares[i].refusal);
		return !shares[i].refusal;
	}
	return true;
}

int hp_emit_is_before(const struct hp_emit *emit, const char *program, const char *version)
{
	hp_cleanup_free char *key = hp_emit_text(
	    emit, "SELECT version_key FROM software WHERE host = ?1 AND name = ?2", program);
	hp_cleanup_free char *than = hp_version_key(version);
	return key ? strcmp(key, than) < 0 : -1;
}
