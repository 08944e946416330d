/* The native transport's failures in words. */
#ifndef SPOKE_SRC_TRANSPORT_NATIVE_ERROR_H
#define SPOKE_SRC_TRANSPORT_NATIVE_ERROR_H

#include <spoke/base.h>

enum native_stage {
    NATIVE_STAGE_DNS,
    NATIVE_STAGE_TCP,
    NATIVE_STAGE_TLS,
    NATIVE_STAGE_CONNACK,
    NATIVE_STAGE_OPEN
};

spoke_error native_error_none(void); /* a close that was asked for */
/* E_DNS, E_NET, E_PORT of the port, with its detail. */
spoke_error native_error_link(enum native_stage stage, spoke_status status, int32_t detail);
spoke_error native_error_timeout(enum native_stage stage);
/* What the session says of itself: E_TIMEOUT, E_PROTOCOL and others. */
spoke_error native_error_session(spoke_status status);
spoke_error native_error_refused(uint8_t code);

#endif
