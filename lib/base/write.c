// Writing to descriptors. SPDX-License-Identifier: Apache-2.0
#include "base/write.h"

#include <errno.h>
#include <unistd.h>

int hp_write_whole(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t r = write(fd, data, length);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		data += r;
		length -= (size_t)r;
	}
	return 0;
}
