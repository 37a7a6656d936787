#include "cli/versions.h"

#include <string.h>

#include <confuse.h>
#include <jansson.h>
#include <netlink/version.h>
#include <openssl/crypto.h>
#include <pcap/pcap.h>
#include <png.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/text.h"

/* libpcap says "libpcap version 1.10.3 (with TPACKET_V3)", libcrypto "OpenSSL 3.0.22 27 May 2026". */
static void add_version(struct text *t, const char *name, const char *said)
{
	const char *version = said + strcspn(said, "0123456789");

	text_add(t, "%s%s %.*s", t->len != 0 ? ", " : "", name, (int)strcspn(version, " "),
		 version);
}

char *versions_of_libraries(void)
{
	struct text t = { 0 };
	char pcre2[64]; /* pcre2api(3) asks for 24 */

	text_add(&t, "libnl %d.%d.%d", nl_ver_maj, nl_ver_min, nl_ver_mic);
	add_version(&t, "libpcap", pcap_lib_version());
	add_version(&t, "libconfuse", confuse_version);
	add_version(&t, "jansson", jansson_version_str());
	add_version(&t, "libcrypto", OpenSSL_version(OPENSSL_VERSION));
	add_version(&t, "libpng", png_get_libpng_ver(NULL));
	pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	add_version(&t, "pcre2", pcre2);
	return text_take(&t);
}
