#include "model/dtmi.h"

#include "base/ascii.h"

static bool is_word(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_';
}

/* A letter first (an underscore in reserved labels), no underscore last. */
static bool label_valid(spoke_str label, bool *reserved)
{
    if (label.len == 0 || !(ascii_is_alpha(label.ptr[0]) || label.ptr[0] == '_') ||
        label.ptr[label.len - 1] == '_')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!is_word(label.ptr[i]))
            return false;
    }
    *reserved = *reserved || label.ptr[0] == '_';
    return true;
}

static bool path_valid(spoke_str path, bool *reserved)
{
    spoke_str label, rest = path;
    bool more = true;
    while (more) {
        more = spoke_str_cut(rest, ':', &label, &rest);
        if (!label_valid(label, reserved))
            return false;
    }
    return true;
}

/* 1 to `digits` digits without a leading zero. */
static bool number_valid(spoke_str text, size_t digits, uint32_t *out)
{
    return text.len > 0 && text.len <= digits && text.ptr[0] != '0' && spoke_str_u32(text, out) == SPOKE_OK;
}

static bool version_valid(spoke_str version, struct dtmi *out)
{
    spoke_str major, minor;
    out->has_version = true;
    out->has_minor = spoke_str_cut(version, '.', &major, &minor);
    return number_valid(major, 9, &out->major) && (!out->has_minor || number_valid(minor, 6, &out->minor));
}

/* Empty, or like a label. */
static bool fragment_valid(spoke_str fragment, bool *reserved)
{
    return fragment.len == 0 || label_valid(fragment, reserved);
}

bool dtmi_parse(spoke_str text, struct dtmi *out)
{
    static const struct dtmi none;
    spoke_str id, fragment, version;
    *out = none;
    if (!spoke_str_starts(text, SPOKE_STR("dtmi:")))
        return false;
    out->has_fragment = spoke_str_cut(text, '#', &id, &fragment);
    if (out->has_fragment) {
        out->fragment = spoke_str_from(text.ptr + id.len, text.len - id.len);
        if (!fragment_valid(fragment, &out->reserved))
            return false;
    }
    const spoke_str rest = spoke_str_from(id.ptr + 5, id.len - 5);
    if (spoke_str_cut(rest, ';', &out->path, &version) && !version_valid(version, out))
        return false;
    return path_valid(out->path, &out->reserved);
}

bool dtmi_valid_in(const struct dtmi *id, unsigned language)
{
    if (id->has_fragment || id->reserved)
        return false;
    return language > 2 || (id->has_version && !id->has_minor);
}

spoke_str dtmi_label(const struct dtmi *id, size_t i)
{
    spoke_str label = spoke_str_from(NULL, 0), rest = id->path;
    bool more = true;
    for (size_t n = 0; n <= i; n++) {
        if (!more)
            return spoke_str_from(NULL, 0);
        more = spoke_str_cut(rest, ':', &label, &rest);
    }
    return label;
}
