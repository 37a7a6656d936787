#include "name.h"

#include <stdint.h>
#include <string.h>

#include "protocol.h"

/*
 * Length of the UTF-8 sequence at s and its code point, 0 when it is malformed:
 * cut short, overlong, a surrogate, or above U+10FFFF (RFC 3629, section 3).
 */
static size_t decode(const uint8_t *s, size_t left, uint32_t *ret_point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80       ? 1
		     : s[0] >> 5 == 6  ? 2
		     : s[0] >> 4 == 14 ? 3
		     : s[0] >> 3 == 30 ? 4
				       : 0;

	if (len == 0 || len > left)
		return 0;

	uint32_t point = len == 1 ? s[0] : s[0] & (0x7fU >> len);

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	if (point < least[len] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return len;
}

static int is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

const char *name_check(const char *name, size_t len)
{
	const uint8_t *s = (const uint8_t *)name;

	if (len == 0)
		return "the name is empty";
	if (len > PROTOCOL_NAME_MAX)
		return "the name is longer than 200 bytes";
	if (s[0] == '.')
		return "the name begins with a dot";
	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t n = decode(s + i, len - i, &point);

		if (n == 0)
			return "the name is not UTF-8";
		if (point == '/')
			return "the name contains a separator";
		if (is_control(point))
			return "the name contains a control character";
		i += n;
	}
	return NULL;
}

char *name_printable(char *buf, size_t room, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t used = 0;

	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t n = decode(s + i, len - i, &point);

		if (used + 5 > room)
			break;
		if (n == 0 || is_control(point)) {
			buf[used++] = '?';
			i++;
			continue;
		}
		memcpy(buf + used, s + i, n);
		used += n;
		i += n;
	}
	buf[used] = '\0';
	return buf;
}
