// From a verdict to configuration that the consumer of it takes.
// SPDX-License-Identifier: Apache-2.0
//
// An emitter is a row of hp_emitters[] and a file of its name. It is handed what shall be attached,
// as devices that have been chosen and checked, and writes a text or a document; it reads facts by
// the read-only connection and looks at no machine. What it cannot express it refuses (hp_refuse)
// with the reason; what the reader must know and the format cannot say is a note.
//
// Two ways were weighed for what is handed to emitters: the verdict as it is, each emitter finding
// its devices, or devices found once for all. The second won: which mdev stands for a slice, which
// VF has the type, what else is in the group, are the same question for every consumer.
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "judge/verdict.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wished of it. NULL, 0 and -1: nobody said. */
struct hp_emit_wish {
	const char *surface, *share; // NULL: the best that the format can express
	const char *profile;         // of the share: 1g.10gb, H100-4C
	const char *const
	    *gpus; // as hp_accelerator_find takes them, ends with NULL; NULL: all that can
	const char *variant; // of the format; NULL: its first
	const char *name;    // of the guest, pod, …: "happypath"
	const char *image;   // container image, or the guest's disk
	const char *kernel, *initrd, *append;
	int64_t guest_memory; // bytes; -1: what the intent says, else 16 GiB
	int64_t cpus;         // -1: 4
	int iommufd;          // 1, 0; -1: where the host has it and the VMM takes it
};

#define HP_EMIT_WISH_NONE                                                                          \
	(struct hp_emit_wish)                                                                      \
	{                                                                                          \
		.guest_memory = -1, .cpus = -1, .iommufd = -1                                      \
	}

/* By what the workload gets the device. */
enum hp_way {
	HP_WAY_VFIO,        // a PCI function bound to vfio-pci or a variant of it
	HP_WAY_MDEV,        // a mediated device, by UUID
	HP_WAY_VENDOR_VFIO, // a VF that stays with its vendor's driver, which speaks VFIO itself
	HP_WAY_DRIVER,      // the host's driver: device nodes
};

/* One thing that is handed over. Strings are owned by the emission's request. */
struct hp_emit_device {
	const struct hp_accelerator *accelerator; // the board that it is, or is a slice of
	const struct hp_offer *offer;
	enum hp_way way;
	const char
	    *address; // function that is handed over: the accelerator or a VF; parent of an mdev
	const char *uuid;        // HP_WAY_MDEV, else NULL
	const char *type;        // vGPU type or MIG profile, NULL if it is none or not known
	const char *iommu_group; // of what is handed over; NULL if it is not known
	const char *companions;  // other endpoints of the group, "0000:01:00.1 snd_hda_intel, …";
	                         // NULL: none known
	bool exists;             // false: an mdev, VF or slice that has to be made first
	size_t index;            // from 0, in the order of addresses
};

/* What an emitter is given. */
struct hp_emit {
	sqlite3 *db; // facts and knowledge, to read
	const struct hp_verdict_host *host;
	const struct hp_emit_wish *wish;
	const struct hp_emitter *emitter;
	const char *variant;
	const struct hp_surface_share *surface; // of all devices
	struct hp_emit_device *devices;         // at least one
	size_t count;
	const char *name;     // the wish's, or "happypath"
	int64_t guest_memory; // bytes
	int64_t cpus;
	bool iommufd; // VFIO by iommufd and the device's node below /dev/vfio/devices
};

/* What comes of it: `text`, or `document` where the format is JSON or YAML. */
struct hp_emission {
	struct hp_text text;
	json_t *document; // an array is several YAML documents if `documents` says so
	bool documents;
	bool yaml;       // the consumer reads YAML
	json_t *notes;   // what the reader must know, sentences
	json_t *refusal; // NULL, or {"reason", "source", "since", "nearest": {…}}
	struct hp_emit request;
	json_t *strings; // owns those of `request`
};

struct hp_emitter {
	const char *name;
	const char *title; // what reads it
	const char *
	    surfaces; // words: the surfaces whose offers it can express; the first is the usual one
	const char *variants;      // words; the first is the usual one
	const char *form_surfaces; // words FORM=SURFACE: that form speaks of that surface alone
	const char *file;          // what such a file is called or where it belongs, for help
	int (*emit)(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err);
	bool no_device;    // it is about the host as a whole; works where no offer can be expressed
	const char *makes; // words: what its consumer makes itself {mdev|vf|type}, NULL: nothing
};

extern const struct hp_emitter hp_emitters[]; // by name; ends with a row without a name

const struct hp_emitter *hp_emitter_find(const char *name);

/* Writes the format for one host of a verdict. 0, also where it was refused: `refusal` says why.
 * -EINVAL: the wish names what there is not; the error says what there is. */
int hp_emit(sqlite3 *db, const struct hp_verdict_host *host, const struct hp_emitter *emitter,
            const struct hp_emit_wish *wish, struct hp_emission *ret, struct hp_error *err);
void hp_emission_finish(struct hp_emission *emission);

// -- for emitters --

/* Adds a note, once. */
void hp_note(struct hp_emission *emission, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The format cannot express that: returns 0, so that refusing is one line. `source` may be NULL. */
int hp_refuse(struct hp_emission *emission, const char *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One value that a query with the parameters host (?1) and `key` (?2) gives: a new string, NULL if
 * it gives none or NULL. */
char *hp_emit_text(const struct hp_emit *emit, const char *sql, const char *key);
int64_t hp_emit_number(const struct hp_emit *emit, const char *sql, const char *key,
                       int64_t fallback);
/* The 64-bit memory window that the devices' BARs need, a power of two; -1 if a BAR is not known.
 */
int64_t hp_emit_window(const struct hp_emit *emit);
/* The same by the BARs that such boards are known to have; -1 if that is not known of one. */
int64_t hp_emit_listed_window(const struct hp_emit *emit);
/* A UUID for what is yet to be made, an mdev or a guest: the same each time, so that what is
 * emitted for several consumers speaks of one thing. */
void hp_emit_uuid(const struct hp_emit *emit, const char *key, char uuid[37]);
