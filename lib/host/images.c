// Which images the containers of a Kubernetes node were made from, by the OCI bundles that lie in
// memory while they run. SPDX-License-Identifier: Apache-2.0
//
// An answer of its own instead of reads through the door: a bundle's config.json holds the
// environment of somebody's program, passwords among it, and must not get into a capture. Only
// images that rules speak of leave this file, without the registry that they came from.
#include "host/backend.h"
#include "host/recorder.h"

#include "base/cleanup.h"

#include <string.h>

enum { BUNDLE_LIMIT = 4 << 20 };

/* Where runtimes keep bundles, one directory a container; k3s has a containerd of its own. */
static const struct {
	const char *directory, *file;
} bundles[] = {
    {"/run/containerd/io.containerd.runtime.v2.task/k8s.io", "config.json"},
    {"/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io", "config.json"},
    {"/run/containers/storage/overlay-containers", "userdata/config.json"},
};

/* The annotations that say which image was asked for: of containerd from 1.5 on
 * (containerd/containerd pull request 5002), and of CRI-O. */
static const char *const annotations[] = {"\"io.kubernetes.cri.image-name\":",
                                          "\"io.kubernetes.cri-o.ImageName\":"};

/* What repositories end in. Two vendors have a gpu-operator and a k8s-device-plugin. */
static const char *const images[] = {
    "/nvidia/gpu-operator",    "/nvidia/k8s-device-plugin", "/k8s-mig-manager",
    "/vgpu-device-manager",    "/k8s-dra-driver-gpu",       "/kubevirt-gpu-device-plugin",
    "/virt-handler",           "/rocm/gpu-operator",        "/rocm/k8s-device-plugin",
    "/intel/intel-gpu-plugin",
};

/* The image's name and tag without registry, or NULL if it is none of ours. */
static const char *wanted(char *image)
{
	char *digest = strchr(image, '@');
	if (digest)
		*digest = '\0';
	char *name = strrchr(image, '/');
	char *tag = name ? strchr(name, ':') : NULL;
	if (!tag)
		return NULL;
	*tag = '\0';
	for (size_t i = 0; i < HP_COUNT(images); i++)
		if (hp_ends_with(image, images[i])) {
			const char *found = image + strlen(image) - strlen(images[i]) + 1;
			*tag = ':';
			return found;
		}
	return NULL;
}

/* The string behind an annotation; a new one, NULL if it is not there. */
static char *annotated(const char *config, const char *annotation)
{
	const char *at = strstr(config, annotation);
	if (!at)
		return NULL;
	at += strlen(annotation);
	at += strspn(at, " \t\r\n");
	return *at == '"' ? hp_strndup(at + 1, strcspn(at + 1, "\"\\\t\r\n")) : NULL;
}

static void take_bundle(const char *config, const char *path, struct hp_text *ret)
{
	for (size_t i = 0; i < HP_COUNT(annotations); i++) {
		hp_cleanup_free char *image = annotated(config, annotations[i]);
		const char *name = image ? wanted(image) : NULL;
		if (!name)
			continue;
		hp_text_printf(ret, "%s\t%s\n", name, path);
		return;
	}
}

int hp_ask_images(struct hp_host *host, struct hp_text *ret)
{
	const struct hp_backend *look =
	    host->recorder ? host->recorder->inner : host->backend; // nothing of it is recorded
	for (size_t i = 0; i < HP_COUNT(bundles); i++) {
		hp_cleanup_names struct hp_names names = {0};
		if (look->list(host, NULL, bundles[i].directory, &names) < 0)
			continue;
		for (size_t n = 0; n < names.count; n++) {
			if (strpbrk(names.names[n], "\t\n"))
				continue; // no container's id, and would break the answer's lines
			hp_cleanup_free char *path = hp_asprintf("%s/%s/%s", bundles[i].directory,
			                                         names.names[n], bundles[i].file);
			hp_cleanup_text struct hp_text config = {0};
			if (look->read_all(host, path, BUNDLE_LIMIT, &config) == 0)
				take_bundle(hp_text_get(&config), path, ret);
		}
	}
	return 0;
}
