// Errors. SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

int hp_fail(struct hp_error *err, int code, const char *format, ...)
{
	if (!err)
		return code;
	err->code = code;
	va_list args;
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	hp_utf8_repair(err->message); // it may quote anything, and be cut within a character
	return code;
}

int hp_wrap(struct hp_error *err, const char *format, ...)
{
	if (!err)
		return -1;
	char noun[HP_ERROR_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(noun, sizeof(noun), format, args);
	va_end(args);
	char whole[2 * HP_ERROR_SIZE + 4];
	snprintf(whole, sizeof(whole), "%s: %s", noun, err->message);
	memcpy(err->message, whole, sizeof(err->message));
	err->message[sizeof(err->message) - 1] = '\0';
	hp_utf8_repair(err->message);
	return err->code;
}
