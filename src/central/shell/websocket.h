/* WebSocket framing of a server (RFC 6455), after and including the arithmetic of the handshake. Pure: bytes in,
 * events out. Data is handed on as it arrives, piece by piece: MQTT does not care where frames begin
 * (MQTT 3.1.1 section 6), so nothing of it is held back or copied. */
#ifndef SPOKE_SRC_CENTRAL_WEBSOCKET_H
#define SPOKE_SRC_CENTRAL_WEBSOCKET_H

#include <spoke/base.h>

enum {
    WEBSOCKET_ACCEPT_BYTES = 28,
    WEBSOCKET_MAX_CONTROL_BYTES = 125,
    WEBSOCKET_MAX_HEADER_BYTES = 10,    /* of what a server sends: no mask */
    WEBSOCKET_MAX_FRAME_BYTES = 1 << 20 /* of what a client may send */
};

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0x0,
    WEBSOCKET_TEXT = 0x1,
    WEBSOCKET_BINARY = 0x2,
    WEBSOCKET_CLOSE = 0x8,
    WEBSOCKET_PING = 0x9,
    WEBSOCKET_PONG = 0xA
};

/* Section 7.4.1. */
enum websocket_code {
    WEBSOCKET_CODE_NORMAL = 1000,
    WEBSOCKET_CODE_PROTOCOL = 1002,
    WEBSOCKET_CODE_DATA_TYPE = 1003,
    WEBSOCKET_CODE_NONE = 1005, /* never on the wire: a close without a code */
    WEBSOCKET_CODE_NOT_UTF8 = 1007,
    WEBSOCKET_CODE_TOO_LARGE = 1009
};

enum websocket_event_kind {
    WEBSOCKET_EVENT_NONE,  /* all bytes are taken, more are needed */
    WEBSOCKET_EVENT_DATA,  /* payload: a view into the bytes handed in, unmasked */
    WEBSOCKET_EVENT_PING,  /* payload: goes back in a pong */
    WEBSOCKET_EVENT_CLOSE, /* code, payload: the reason. Echo the code, then close the stream */
    WEBSOCKET_EVENT_ERROR  /* code, why: send a close frame with it, then close the stream */
};

struct websocket_event {
    enum websocket_event_kind kind;
    spoke_str payload; /* lives until the next call */
    uint16_t code;
    const char *why; /* static */
};

/* Zero-initialise. */
struct websocket {
    uint8_t header[14]; /* of the frame that is arriving */
    uint8_t header_len;
    uint8_t control_len;
    bool in_payload, in_message, ended;
    uint64_t payload_len, payload_done;
    uint8_t control[WEBSOCKET_MAX_CONTROL_BYTES];
};

/* Takes bytes up to the next event and says how many. `bytes` is unmasked in place. After CLOSE or ERROR all
 * further bytes are taken and mean nothing (section 1.4). */
size_t websocket_receive(struct websocket *w, uint8_t *bytes, size_t len, struct websocket_event *event);

/* Header of an unfragmented frame to the client; returns its length. */
size_t websocket_header(uint8_t out[WEBSOCKET_MAX_HEADER_BYTES], enum websocket_opcode opcode,
                        uint64_t payload_len);
/* Payload of a close frame; returns its length: 0 for WEBSOCKET_CODE_NONE. */
size_t websocket_close_payload(uint8_t out[2], uint16_t code);

/* The Sec-WebSocket-Accept value of a Sec-WebSocket-Key. Appends. E_ARG: the key is not 16 bytes in base64. */
spoke_status websocket_accept(spoke_str key, spoke_buf *out);
/* Finds `wanted` in a comma-separated header value, without regard to case; *found as the peer spelled it. */
bool websocket_token(spoke_str header_value, spoke_str wanted, spoke_str *found);

#endif
