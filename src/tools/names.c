#include "tools/names.h"

#include <string.h>

/* --- spelling --- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A word starts at an upper-case letter behind another kind, or at the last of a run of them: "IPAddress". */
static bool word_starts(spoke_str name, size_t i)
{
    if (i == 0 || !is_upper(name.ptr[i]))
        return false;
    const char before = name.ptr[i - 1];
    const bool lower_follows = i + 1 < name.len && is_lower(name.ptr[i + 1]);
    return is_lower(before) || is_digit(before) || (is_upper(before) && lower_follows);
}

const char *name_snake(struct arena *arena, spoke_str name)
{
    char out[NAME_MAX + 2];
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < NAME_MAX; i++) {
        const char c = name.ptr[i];
        const bool letter = is_upper(c) || is_lower(c) || is_digit(c);
        const bool separate = !letter || word_starts(name, i);
        if (separate && len > 0 && out[len - 1] != '_')
            out[len++] = '_';
        if (letter && len < NAME_MAX)
            out[len++] = is_upper(c) ? (char)(c - 'A' + 'a') : c;
    }
    while (len > 0 && out[len - 1] == '_')
        len--;
    if (len == 0)
        return "x";
    if (!is_digit(out[0]))
        return arena_text(arena, spoke_str_from(out, len));
    return name_join(arena, "x", arena_text(arena, spoke_str_from(out, len)));
}

const char *name_upper(struct arena *arena, const char *snake)
{
    const spoke_str text = spoke_str_of(snake);
    char *upper = arena_alloc(arena, text.len + 1, 1);
    for (size_t i = 0; upper != NULL && i < text.len; i++)
        upper[i] = is_lower(text.ptr[i]) ? (char)(text.ptr[i] - 'a' + 'A') : text.ptr[i];
    return upper;
}

spoke_str name_of_dtmi(spoke_str dtmi)
{
    spoke_str path, rest;
    (void)spoke_str_cut(dtmi, ';', &path, &rest);
    for (size_t i = path.len; i > 0; i--) {
        if (path.ptr[i - 1] == ':')
            return spoke_str_from(path.ptr + i, path.len - i);
    }
    return path;
}

const char *name_join(struct arena *arena, const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return NULL;
    const size_t first = strlen(a), second = strlen(b);
    if (first == 0 || second == 0)
        return first == 0 ? b : a;
    char *joined = arena_alloc(arena, first + second + 2, 1);
    if (joined == NULL)
        return NULL;
    const size_t separator = a[first - 1] == '_' ? 0 : 1; /* two in a row are C++'s own */
    memcpy(joined, a, first);
    joined[first] = '_';
    memcpy(joined + first + separator, b, second);
    return joined;
}

/* --- scopes --- */

static size_t slot_of(const struct names *names, const char *identifier)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = identifier; *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    size_t slot = hash & (names->cap - 1);
    while (names->slots[slot] != NULL && strcmp(names->slots[slot], identifier) != 0)
        slot = (slot + 1) & (names->cap - 1);
    return slot;
}

bool names_has(const struct names *names, const char *identifier)
{
    return names->cap > 0 && names->slots[slot_of(names, identifier)] != NULL;
}

static bool grow(struct names *names)
{
    const struct names old = *names;
    const size_t cap = old.cap > 0 ? old.cap * 2 : 64;
    const char **slots = arena_alloc(names->arena, cap, sizeof *slots);
    if (slots == NULL)
        return false;
    names->slots = slots;
    names->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i] != NULL)
            slots[slot_of(names, old.slots[i])] = old.slots[i];
    }
    return true;
}

static const char *numbered(struct arena *arena, const char *identifier, unsigned number)
{
    char digits[12];
    spoke_buf text = spoke_buf_from(digits, sizeof digits - 1);
    if (spoke_buf_append_u64(&text, number) != SPOKE_OK)
        return NULL;
    digits[text.len] = '\0';
    return name_join(arena, identifier, digits);
}

const char *names_take(struct names *names, const char *identifier)
{
    const char *free_name = identifier;
    if (identifier == NULL || ((names->count + 1) * 2 > names->cap && !grow(names)))
        return NULL;
    for (unsigned i = 2; names_has(names, free_name); i++) {
        free_name = numbered(names->arena, identifier, i);
        if (free_name == NULL)
            return NULL;
    }
    names->slots[slot_of(names, free_name)] = free_name;
    names->count++;
    return free_name;
}

/* --- members and parameters --- */

/* Keywords of C11 to C23 and of C++ to C++23 that are all lower-case, and macros of the headers that a
 * generated file includes and of gcc's gnu modes. Sorted. */
static const char *const reserved[] = {"alignas",
                                       "alignof",
                                       "and",
                                       "and_eq",
                                       "asm",
                                       "assert",
                                       "auto",
                                       "bitand",
                                       "bitor",
                                       "bool",
                                       "break",
                                       "case",
                                       "catch",
                                       "char",
                                       "char8_t",
                                       "class",
                                       "co_await",
                                       "co_return",
                                       "co_yield",
                                       "compl",
                                       "complex",
                                       "concept",
                                       "const",
                                       "const_cast",
                                       "consteval",
                                       "constexpr",
                                       "constinit",
                                       "continue",
                                       "decltype",
                                       "default",
                                       "delete",
                                       "do",
                                       "double",
                                       "dynamic_cast",
                                       "else",
                                       "enum",
                                       "errno",
                                       "explicit",
                                       "export",
                                       "extern",
                                       "false",
                                       "float",
                                       "for",
                                       "friend",
                                       "goto",
                                       "i386",
                                       "if",
                                       "inline",
                                       "int",
                                       "linux",
                                       "long",
                                       "mips",
                                       "mutable",
                                       "namespace",
                                       "new",
                                       "noexcept",
                                       "noreturn",
                                       "not",
                                       "not_eq",
                                       "nullptr",
                                       "offsetof",
                                       "operator",
                                       "or",
                                       "or_eq",
                                       "private",
                                       "protected",
                                       "public",
                                       "register",
                                       "reinterpret_cast",
                                       "requires",
                                       "restrict",
                                       "return",
                                       "short",
                                       "signed",
                                       "sizeof",
                                       "sparc",
                                       "static",
                                       "static_assert",
                                       "static_cast",
                                       "stderr",
                                       "stdin",
                                       "stdout",
                                       "struct",
                                       "switch",
                                       "template",
                                       "this",
                                       "thread_local",
                                       "throw",
                                       "true",
                                       "try",
                                       "typedef",
                                       "typeid",
                                       "typename",
                                       "typeof",
                                       "typeof_unqual",
                                       "union",
                                       "unix",
                                       "unsigned",
                                       "using",
                                       "virtual",
                                       "void",
                                       "volatile",
                                       "while",
                                       "xor",
                                       "xor_eq"};

static bool is_reserved(const char *name)
{
    size_t low = 0, high = sizeof reserved / sizeof reserved[0];
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(reserved[middle], name);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const size_t len = strlen(name);
    return strncmp(name, "spoke_", 6) == 0 || (len > 2 && strcmp(name + len - 2, "_t") == 0);
}

const char *names_take_local(struct names *names, const struct names *globals, const char *snake)
{
    if (snake == NULL)
        return NULL;
    if (!is_reserved(snake) && !names_has(globals, snake))
        return names_take(names, snake);
    const size_t len = strlen(snake);
    char *marked = arena_alloc(names->arena, len + 2, 1);
    if (marked == NULL)
        return NULL;
    memcpy(marked, snake, len);
    marked[len] = '_';
    return names_take(names, marked);
}
