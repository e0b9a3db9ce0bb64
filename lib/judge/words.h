// The words of a verdict, as enums that own their text. SPDX-License-Identifier: Apache-2.0
#pragma once

/* Each HP_…_name gives the word; each HP_…_parse the value, or -1. */

enum hp_impact { HP_IMPACT_BLOCKS, HP_IMPACT_DEGRADES, HP_IMPACT_NOTES };
enum hp_result { HP_RESULT_FAIL, HP_RESULT_UNKNOWN, HP_RESULT_PASS };
enum hp_path { HP_PATH_ON, HP_PATH_CAUTION, HP_PATH_OFF, HP_PATH_UNKNOWN };
enum hp_readiness {
	HP_READINESS_READY,
	HP_READINESS_REACHABLE,
	HP_READINESS_UNREACHABLE,
	HP_READINESS_UNKNOWN
};

/* In the order of their price. */
enum hp_distance {
	HP_DISTANCE_NONE,
	HP_DISTANCE_LIVE,
	HP_DISTANCE_DRAIN,
	HP_DISTANCE_RELOAD,
	HP_DISTANCE_REBOOT,
	HP_DISTANCE_FIRMWARE,
	HP_DISTANCE_HARDWARE,
};

const char *hp_impact_name(enum hp_impact impact);
int hp_impact_parse(const char *word);
const char *hp_result_name(enum hp_result result);
int hp_result_parse(const char *word);
const char *hp_path_name(enum hp_path path);
int hp_path_parse(const char *word);
const char *hp_readiness_name(enum hp_readiness readiness);
int hp_readiness_parse(const char *word);
const char *hp_distance_name(enum hp_distance distance);
int hp_distance_parse(const char *word);
