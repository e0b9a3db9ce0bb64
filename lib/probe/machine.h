// The pure parts of the machine probe. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

/* DMI's MM/DD/YYYY (or YY) as YYYY-MM-DD; whether it is one. */
bool hp_bios_date(const char *text, char ret[11]);

/* The hypervisor (a word of machine.hypervisor) by CPUID signature, DMI vendor and the OEM id of
 * ACPI tables,
 * "" where one is not known; NULL if none of them tells. */
const char *hp_hypervisor_of(const char *signature, const char *dmi_vendor, const char *acpi_oem);
