#include "websocket.h"

#include <string.h>

#include "base/base64.h"
#include "crypto/crypto.h"

enum { FIN = 0x80, RSV = 0x70, OPCODE = 0x0F, MASK = 0x80, LENGTH = 0x7F, LENGTH_16 = 126, LENGTH_64 = 127 };

static size_t take_error(struct websocket *w, struct websocket_event *event, uint16_t code, const char *why)
{
    w->ended = true;
    event->kind = WEBSOCKET_EVENT_ERROR;
    event->code = code;
    event->why = why;
    return 0;
}

static enum websocket_opcode opcode_of(const struct websocket *w)
{
    return (enum websocket_opcode)(w->header[0] & OPCODE);
}

static bool is_control(const struct websocket *w)
{
    return (w->header[0] & 0x08) != 0;
}

/* As far as the bytes so far tell. */
static size_t header_size(const struct websocket *w)
{
    if (w->header_len < 2)
        return 2;
    const unsigned length = w->header[1] & LENGTH;
    return 2u + (length == LENGTH_16 ? 2u : length == LENGTH_64 ? 8u : 0u) + 4u;
}

static uint64_t decode_length(const struct websocket *w)
{
    const unsigned length = w->header[1] & LENGTH;
    if (length < LENGTH_16)
        return length;
    uint64_t value = 0;
    for (size_t i = 0; i < (length == LENGTH_16 ? 2u : 8u); i++)
        value = value << 8 | w->header[2 + i];
    return value;
}

static const char *check_opcode(const struct websocket *w, uint16_t *code)
{
    *code = WEBSOCKET_CODE_PROTOCOL;
    switch (opcode_of(w)) {
    case WEBSOCKET_CONTINUATION:
        return w->in_message ? NULL : "a continuation without a message to continue";
    case WEBSOCKET_BINARY:
        return w->in_message ? "a new message inside a fragmented one" : NULL;
    case WEBSOCKET_TEXT:
        *code = WEBSOCKET_CODE_DATA_TYPE;
        return "a text message; MQTT travels in binary messages (MQTT 3.1.1 section 6)";
    case WEBSOCKET_CLOSE:
    case WEBSOCKET_PING:
    case WEBSOCKET_PONG:
        return (w->header[0] & FIN) != 0 ? NULL : "a fragmented control frame";
    }
    return "a reserved opcode";
}

/* The first two bytes are enough to refuse most nonsense, before a length that may never be filled. */
static const char *check_start(const struct websocket *w, uint16_t *code)
{
    *code = WEBSOCKET_CODE_PROTOCOL;
    if ((w->header[0] & RSV) != 0)
        return "a reserved bit is set though no extension was agreed";
    if ((w->header[1] & MASK) == 0)
        return "a frame from a client must be masked";
    if (is_control(w) && (w->header[1] & LENGTH) > WEBSOCKET_MAX_CONTROL_BYTES)
        return "a control frame above 125 bytes";
    return check_opcode(w, code);
}

static const char *check_length(const struct websocket *w, uint16_t *code)
{
    const unsigned form = w->header[1] & LENGTH;
    *code = WEBSOCKET_CODE_PROTOCOL;
    if ((form == LENGTH_16 && w->payload_len < LENGTH_16) || (form == LENGTH_64 && w->payload_len <= UINT16_MAX))
        return "a length that is not in its shortest form";
    if (w->payload_len > INT64_MAX)
        return "a length with the top bit set";
    *code = WEBSOCKET_CODE_TOO_LARGE;
    return w->payload_len > WEBSOCKET_MAX_FRAME_BYTES ? "a frame above 1 MiB" : NULL;
}

static void begin_payload(struct websocket *w)
{
    w->in_payload = true;
    w->payload_done = 0;
    w->control_len = 0;
    if (!is_control(w))
        w->in_message = (w->header[0] & FIN) == 0;
}

static size_t take_header(struct websocket *w, const uint8_t *bytes, size_t len, struct websocket_event *event)
{
    size_t used = 0;
    while (used < len && w->header_len < header_size(w)) {
        w->header[w->header_len++] = bytes[used++];
        uint16_t code = 0;
        const char *why = w->header_len == 2 ? check_start(w, &code) : NULL;
        if (why != NULL)
            return take_error(w, event, code, why) + used;
    }
    if (w->header_len < 2 || w->header_len < header_size(w))
        return used;
    uint16_t code = 0;
    w->payload_len = decode_length(w);
    const char *why = check_length(w, &code);
    if (why != NULL)
        return take_error(w, event, code, why) + used;
    begin_payload(w);
    return used;
}

static void unmask(const struct websocket *w, uint8_t *bytes, size_t len)
{
    const uint8_t *key = w->header + header_size(w) - 4;
    for (size_t i = 0; i < len; i++)
        bytes[i] ^= key[(w->payload_done + i) & 3];
}

/* Section 7.4: the codes that an endpoint may put on the wire. */
static bool code_is_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void end_close(struct websocket *w, struct websocket_event *event)
{
    const spoke_str payload = spoke_str_from((const char *)w->control, w->control_len);
    if (payload.len == 1) {
        take_error(w, event, WEBSOCKET_CODE_PROTOCOL, "a close frame with half a code");
        return;
    }
    uint16_t code = WEBSOCKET_CODE_NONE;
    if (payload.len != 0)
        code = (uint16_t)((unsigned)w->control[0] << 8 | w->control[1]);
    const spoke_str reason = payload.len == 0 ? payload : spoke_str_from(payload.ptr + 2, payload.len - 2);
    if (payload.len != 0 && !code_is_valid(code)) {
        take_error(w, event, WEBSOCKET_CODE_PROTOCOL, "a close code that must not be sent");
    } else if (!spoke_utf8_valid(reason)) {
        take_error(w, event, WEBSOCKET_CODE_NOT_UTF8, "a close reason that is not UTF-8");
    } else {
        w->ended = true;
        event->kind = WEBSOCKET_EVENT_CLOSE;
        event->code = code;
        event->payload = reason;
    }
}

static void end_control(struct websocket *w, struct websocket_event *event)
{
    if (opcode_of(w) == WEBSOCKET_CLOSE) {
        end_close(w, event);
    } else if (opcode_of(w) == WEBSOCKET_PING) {
        event->kind = WEBSOCKET_EVENT_PING;
        event->payload = spoke_str_from((const char *)w->control, w->control_len);
    }
}

static size_t take_payload(struct websocket *w, uint8_t *bytes, size_t len, struct websocket_event *event)
{
    const uint64_t left = w->payload_len - w->payload_done;
    const size_t piece = len < left ? len : (size_t)left;
    unmask(w, bytes, piece);
    w->payload_done += piece;
    if (is_control(w)) {
        memcpy(w->control + w->control_len, bytes, piece);
        w->control_len = (uint8_t)(w->control_len + piece);
    } else if (piece > 0) {
        event->kind = WEBSOCKET_EVENT_DATA;
        event->payload = spoke_str_from((const char *)bytes, piece);
    }
    if (w->payload_done == w->payload_len) {
        w->in_payload = false;
        w->header_len = 0;
        if (is_control(w))
            end_control(w, event);
    }
    return piece;
}

size_t websocket_receive(struct websocket *w, uint8_t *bytes, size_t len, struct websocket_event *event)
{
    size_t used = 0;
    memset(event, 0, sizeof *event);
    while (used < len && !w->ended && event->kind == WEBSOCKET_EVENT_NONE) {
        if (!w->in_payload)
            used += take_header(w, bytes + used, len - used, event);
        /* Also with nothing left: an empty frame is complete with its header. */
        if (w->in_payload && event->kind == WEBSOCKET_EVENT_NONE)
            used += take_payload(w, bytes + used, len - used, event);
    }
    return w->ended ? len : used;
}

size_t websocket_header(uint8_t out[WEBSOCKET_MAX_HEADER_BYTES], enum websocket_opcode opcode,
                        uint64_t payload_len)
{
    out[0] = (uint8_t)(FIN | (unsigned)opcode);
    if (payload_len < LENGTH_16) {
        out[1] = (uint8_t)payload_len;
        return 2;
    }
    const size_t bytes = payload_len <= UINT16_MAX ? 2 : 8;
    out[1] = bytes == 2 ? LENGTH_16 : LENGTH_64;
    for (size_t i = 0; i < bytes; i++)
        out[2 + i] = (uint8_t)(payload_len >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}

size_t websocket_close_payload(uint8_t out[2], uint16_t code)
{
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    return code == WEBSOCKET_CODE_NONE ? 0 : 2;
}

spoke_status websocket_accept(spoke_str key, spoke_buf *out)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* section 1.3 */
    uint8_t nonce[16 + 2], digest[20], text[24 + sizeof guid];
    spoke_buf decoded = spoke_buf_from(nonce, sizeof nonce), joined = spoke_buf_from(text, sizeof text);
    if (key.len != 24 || base64_decode(key, &decoded) != SPOKE_OK || decoded.len != 16)
        return SPOKE_E_ARG;
    spoke_status status = spoke_buf_append(&joined, key);
    if (status == SPOKE_OK)
        status = spoke_buf_append(&joined, spoke_str_of(guid));
    if (status == SPOKE_OK)
        status = crypto_sha1(spoke_buf_str(&joined), digest);
    if (status != SPOKE_OK)
        return status;
    return base64_encode(spoke_str_from((const char *)digest, sizeof digest), out);
}

static spoke_str trim(spoke_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = spoke_str_from(s.ptr + 1, s.len - 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

bool websocket_token(spoke_str header_value, spoke_str wanted, spoke_str *found)
{
    spoke_str rest = header_value;
    for (bool more = true; more;) {
        spoke_str token;
        more = spoke_str_cut(rest, ',', &token, &rest);
        *found = trim(token);
        if (spoke_str_equal_nocase(*found, wanted))
            return true;
    }
    return false;
}
