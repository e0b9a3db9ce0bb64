// The words of a verdict. SPDX-License-Identifier: Apache-2.0
#include "judge/words.h"
#include "base/cleanup.h"

#include <string.h>

static int find(const char *const names[], size_t count, const char *word)
{
	for (size_t i = 0; word && i < count; i++)
		if (strcmp(names[i], word) == 0)
			return (int)i;
	return -1;
}

#define DEFINE_WORDS(what)                                                                         \
	const char *hp_##what##_name(enum hp_##what what)                                          \
	{                                                                                          \
		return what##_names[what];                                                         \
	}                                                                                          \
                                                                                                   \
	int hp_##what##_parse(const char *word)                                                    \
	{                                                                                          \
		return find(what##_names, HP_COUNT(what##_names), word);                           \
	}

static const char *const impact_names[] = {
    [HP_IMPACT_BLOCKS] = "blocks",
    [HP_IMPACT_DEGRADES] = "degrades",
    [HP_IMPACT_NOTES] = "notes",
};
DEFINE_WORDS(impact)

static const char *const result_names[] = {
    [HP_RESULT_FAIL] = "fail",
    [HP_RESULT_UNKNOWN] = "unknown",
    [HP_RESULT_PASS] = "pass",
};
DEFINE_WORDS(result)

static const char *const path_names[] = {
    [HP_PATH_ON] = "on",
    [HP_PATH_CAUTION] = "caution",
    [HP_PATH_OFF] = "off",
    [HP_PATH_UNKNOWN] = "unknown",
};
DEFINE_WORDS(path)

static const char *const readiness_names[] = {
    [HP_READINESS_READY] = "ready",
    [HP_READINESS_REACHABLE] = "reachable",
    [HP_READINESS_UNREACHABLE] = "unreachable",
    [HP_READINESS_UNKNOWN] = "unknown",
};
DEFINE_WORDS(readiness)

static const char *const distance_names[] = {
    [HP_DISTANCE_NONE] = "none",         [HP_DISTANCE_LIVE] = "live",
    [HP_DISTANCE_DRAIN] = "drain",       [HP_DISTANCE_RELOAD] = "reload",
    [HP_DISTANCE_REBOOT] = "reboot",     [HP_DISTANCE_FIRMWARE] = "firmware",
    [HP_DISTANCE_HARDWARE] = "hardware",
};
DEFINE_WORDS(distance)
