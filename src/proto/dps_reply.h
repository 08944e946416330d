/* What the provisioning service's replies say, without what follows from it. */
#ifndef SPOKE_SRC_PROTO_DPS_REPLY_H
#define SPOKE_SRC_PROTO_DPS_REPLY_H

#include <spoke/proto/dps.h>

enum dps_operation_status {
    DPS_OPERATION_MALFORMED,
    DPS_OPERATION_ASSIGNING,
    DPS_OPERATION_ASSIGNED,
    DPS_OPERATION_FAILED,
    DPS_OPERATION_DISABLED
};

/* What a reply says. Views into it. */
struct dps_operation {
    enum dps_operation_status status;
    spoke_str id;             /* raw text; empty: not said, or not usable */
    spoke_str hub, device_id; /* JSON values; empty: not said */
    int32_t code;             /* of the service or, when it says none, the topic's status */
    spoke_dps_class failure;  /* what that means, were it one */
    spoke_str message;        /* raw text */
};

/* The body of a reply: of 400 and above an error, FAILED, with code and message; else an operation. */
struct dps_operation dps_read_reply(spoke_str body, uint32_t topic_status);

#endif
