/* SPDX-License-Identifier: PostgreSQL */
#include "keys.h"

const struct keys_binding *keys_find(struct keys keys, int code)
{
    for (size_t i = 0; i < keys.count; i++) {
        for (size_t k = 0; k < KEYS_CODES; k++) {
            if (code != 0 && keys.items[i].codes[k] == code)
                return &keys.items[i];
        }
    }
    return NULL;
}

void keys_add_name(struct buf *text, int code)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {'\r', "Enter"},
        {'\t', "Tab"},
        {' ', "Space"},
        {K_ESC, "Esc"},
        {K_UP, "Up"},
        {K_DOWN, "Down"},
        {K_LEFT, "Left"},
        {K_RIGHT, "Right"},
        {K_PAGE_UP, "PgUp"},
        {K_PAGE_DOWN, "PgDn"},
        {K_HOME, "Home"},
        {K_END, "End"},
        {K_BACKSPACE, "BS"},
        {K_DELETE, "Del"},
        {K_BACKTAB, "S-Tab"},
        {K_F1, "F1"},
        {K_CLICK, "click"},
        {K_WHEEL_UP, "wheel up"},
        {K_WHEEL_DOWN, "wheel down"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].code == code) {
            buf_adds(text, names[i].name);
            return;
        }
    }
    if (code < ' ')
        buf_addf(text, "^%c", code + '@');
    else
        buf_addc(text, (char)code);
}

void keys_add_names(struct buf *text, const struct keys_binding *binding)
{
    for (size_t i = 0; i < KEYS_CODES && binding->codes[i]; i++) {
        buf_adds(text, i > 0 ? ", " : "");
        keys_add_name(text, binding->codes[i]);
    }
}
