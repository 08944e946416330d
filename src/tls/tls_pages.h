/* Memory that a session holds but has not used, given back to the system. */
#ifndef SPOKE_SRC_TLS_TLS_PAGES_H
#define SPOKE_SRC_TLS_TLS_PAGES_H

#include "mbedtls_compat.h"

/* Right after mbedtls_ssl_setup or _session_reset, which fill both record buffers with zeros: whole pages of them, of
 * which a session that moves small records never touches most, stop taking memory until they are used. */
void tls_release_pages(const mbedtls_ssl_context *ssl);

#endif
