/* Ends of validity of X.509 certificates, as numbers. */
#ifndef SPOKE_SRC_TLS_TLS_TIME_H
#define SPOKE_SRC_TLS_TLS_TIME_H

#include <stdint.h>

#include "mbedtls_compat.h"

/* UTC seconds since 1970. */
int64_t tls_time(const mbedtls_x509_time *time);
/* Of the certificates in the list that one which ends last; 0: the list is empty. */
int64_t tls_time_latest(const mbedtls_x509_crt *list);

#endif
