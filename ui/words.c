/* SPDX-License-Identifier: PostgreSQL */
#include "words.h"

#include <string.h>

#include "base/text.h"

void words_add_table(struct buf *text, const struct config_database *database,
                     const struct config_table *table)
{
    buf_addf(text, "%s.%s.%s", database->name, table->schema, table->name);
}

void words_add_age(struct buf *text, int64_t us)
{
    int64_t seconds = (text_now_us() - us) / 1000000;

    if (us == 0) {
        buf_adds(text, "never");
        return;
    }
    seconds = seconds > 0 ? seconds : 0;
    if (seconds < 100)
        buf_addf(text, "%ds ago", (int)seconds);
    else if (seconds < 100 * 60)
        buf_addf(text, "%dm ago", (int)(seconds / 60));
    else if (seconds < 48 * 3600)
        buf_addf(text, "%dh ago", (int)(seconds / 3600));
    else
        buf_addf(text, "%dd ago", (int)(seconds / 86400));
}

enum theme_style words_status_style(const char *status)
{
    static const struct {
        const char *status;
        enum theme_style style;
    } styles[] = {
        {"success", STYLE_GOOD},   {"running", STYLE_GOOD}, {"failure", STYLE_BAD},
        {"died", STYLE_BAD},       {"partial", STYLE_WARN}, {"stopped", STYLE_WARN},
        {"paused", STYLE_WARN},    {"pausing", STYLE_WARN}, {"stopping", STYLE_WARN},
        {"no answer", STYLE_WARN},
    };

    for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
        if (strcmp(styles[i].status, status) == 0)
            return styles[i].style;
    }
    return STYLE_TEXT;
}
