/* The paho transport's failures in words. */
#ifndef SPOKE_SRC_TRANSPORT_PAHO_ERROR_H
#define SPOKE_SRC_TRANSPORT_PAHO_ERROR_H

#include <spoke/base.h>

enum paho_loss {
    PAHO_LOSS_NONE,        /* asked for */
    PAHO_LOSS_DNS,         /* detail: getaddrinfo's code */
    PAHO_LOSS_TCP,         /* no connection */
    PAHO_LOSS_HANDSHAKE,   /* TLS failed */
    PAHO_LOSS_CERTIFICATE, /* the chain was not accepted */
    PAHO_LOSS_NAME,        /* TCP came about, TLS did not, and OpenSSL had no complaint */
    PAHO_LOSS_GREETING,    /* closed instead of CONNACK */
    PAHO_LOSS_REFUSED,     /* detail: CONNACK code */
    PAHO_LOSS_LIMIT,       /* the connect limit passed */
    PAHO_LOSS_SILENT,      /* nothing heard for 1.5 keep-alives */
    PAHO_LOSS_LINK,        /* an open connection broke */
    PAHO_LOSS_SUBACK,      /* a SUBACK that breaks the standard */
    PAHO_LOSS_API          /* paho refused a call. detail: its return code */
};

spoke_error paho_error(enum paho_loss loss, int32_t detail);

#endif
