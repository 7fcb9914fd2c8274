/* SPDX-License-Identifier: PostgreSQL */
#include "verify_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"

static void add(struct verify_finding **list, size_t *count, const char *key, const char *kind,
                const char *detail)
{
    *list = mem_grow(*list, (*count + 1) * sizeof(**list));
    (*list)[(*count)++] =
        (struct verify_finding){.key = mem_strdup(key), .kind = kind, .detail = mem_strdup(detail)};
}

#define FORMAT_DETAIL(detail, format)                                                              \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        vsnprintf(detail, sizeof(detail), format, args);                                           \
        va_end(args);                                                                              \
    } while (0)

void verify_report_problem(struct verify_report *r, const char *key, const char *kind,
                           const char *format, ...)
{
    char detail[600];

    FORMAT_DETAIL(detail, format);
    add(&r->problems, &r->problem_count, key, kind, detail);
}

void verify_report_note(struct verify_report *r, const char *key, const char *kind,
                        const char *format, ...)
{
    char detail[600];

    FORMAT_DETAIL(detail, format);
    add(&r->notes, &r->note_count, key, kind, detail);
}

void verify_report_problem_err(struct verify_report *r, const char *key, const char *kind,
                               const struct err *err)
{
    char line[600];

    if (err->kind == ERR_INTERRUPTED)
        return;
    err_line(err, line, sizeof(line));
    add(&r->problems, &r->problem_count, key, err->kind == ERR_NETWORK ? "unreadable" : kind, line);
}

void verify_report_orphan(struct verify_report *r, const char *key)
{
    if (!key)
        return;
    r->orphans = mem_grow(r->orphans, (r->orphan_count + 1) * sizeof(*r->orphans));
    r->orphans[r->orphan_count++] = mem_strdup(key);
}

void verify_report_key_use(struct verify_report *r, const char *id, uint64_t archives)
{
    if (archives == 0)
        return;
    r->key_uses = mem_grow(r->key_uses, (r->key_use_count + 1) * sizeof(*r->key_uses));
    r->key_uses[r->key_use_count++] =
        (struct verify_key_use){.id = mem_strdup(id), .archives = archives};
}

static void list_done(struct verify_finding *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].key);
        free(list[i].detail);
    }
    free(list);
}

void verify_report_done(struct verify_report *report)
{
    list_done(report->problems, report->problem_count);
    list_done(report->notes, report->note_count);
    for (size_t i = 0; i < report->orphan_count; i++)
        free(report->orphans[i]);
    free(report->orphans);
    for (size_t i = 0; i < report->key_use_count; i++)
        free(report->key_uses[i].id);
    free(report->key_uses);
    *report = (struct verify_report){0};
}

/* --- JSON --- */

static void write_list(struct json_out *j, const char *name, const struct verify_finding *list,
                       size_t count)
{
    json_key(j, name);
    json_begin_array(j);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(j);
        json_put_str(j, "key", list[i].key);
        json_put_str(j, "kind", list[i].kind);
        json_put_str(j, "detail", list[i].detail);
        json_end(j);
    }
    json_end(j);
}

void verify_report_write(const struct verify_report *report, struct json_out *j)
{
    json_begin_object(j);
    json_put_int(j, "archives_checked", report->archives_checked);
    json_put_int(j, "ok", report->ok);
    json_put_int(j, "rows", report->rows);
    json_put_int(j, "bytes", (int64_t)report->bytes);
    json_put_int(j, "keys_looked_up", report->keys_looked_up);
    write_list(j, "problems", report->problems, report->problem_count);
    write_list(j, "notes", report->notes, report->note_count);
    json_key(j, "encryption_keys");
    json_begin_array(j);
    for (size_t i = 0; i < report->key_use_count; i++) {
        json_begin_object(j);
        json_put_str(j, "key_id", report->key_uses[i].id);
        json_put_int(j, "archives", (int64_t)report->key_uses[i].archives);
        json_end(j);
    }
    json_end(j);
    json_key(j, "orphans");
    json_begin_array(j);
    for (size_t i = 0; i < report->orphan_count; i++)
        json_add_str(j, report->orphans[i]);
    json_end(j);
    json_end(j);
}

/* --- HTML --- */

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<title>archiver-tui verify</title>\n<style>\n"
    ":root { color-scheme: light dark; --line: #8885; --dim: #777; --good: #18794e; "
    "--bad: #c4122f; --warn: #a35200; }\n"
    "@media (prefers-color-scheme: dark) { :root { --dim: #999; --good: #4cc38a; --bad: #ff6369; "
    "--warn: #f1a10d; } }\n"
    "body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; "
    "padding: 0 1rem; }\n"
    "h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }\n"
    ".what { color: var(--dim); margin: .2rem 0 1.5rem; }\n"
    ".verdict { font-weight: 600; font-size: 1.1rem; }\n"
    ".good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }\n"
    "dl { display: grid; grid-template-columns: max-content auto; gap: .15rem 1.5rem; }\n"
    "dt { color: var(--dim); } dd { margin: 0; font-variant-numeric: tabular-nums; }\n"
    "table { border-collapse: collapse; width: 100%; }\n"
    "th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; "
    "border-bottom: 1px solid var(--line); }\n"
    "th { color: var(--dim); font-weight: 500; } td.kind { white-space: nowrap; }\n"
    ".key { font: 13px/1.6 ui-monospace, monospace; overflow-wrap: anywhere; }\n"
    "</style>\n</head>\n<body>\n<h1>archiver-tui verify</h1>\n";

static void add_escaped(struct buf *html, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '&')
            buf_adds(html, "&amp;");
        else if (*c == '<')
            buf_adds(html, "&lt;");
        else if (*c == '>')
            buf_adds(html, "&gt;");
        else if (*c == '"')
            buf_adds(html, "&quot;");
        else if (*c == '\'')
            buf_adds(html, "&#39;");
        else if (*c < 0x20 || *c == 0x7f) /* no character of a page */
            buf_adds(html, "\xef\xbf\xbd");
        else
            buf_addc(html, (char)*c);
    }
}

static void add_count(struct buf *html, const char *name, uint64_t count)
{
    buf_addf(html, "<dt>%s</dt><dd>", name);
    text_add_count(html, count);
    buf_adds(html, "</dd>\n");
}

static void add_verdict(struct buf *html, const struct verify_report *r)
{
    if (r->problem_count + r->orphan_count == 0)
        buf_adds(html, "<p class=\"verdict good\">No problems</p>\n");
    else
        buf_addf(html, "<p class=\"verdict bad\">%zu problems, %zu orphans</p>\n", r->problem_count,
                 r->orphan_count);
    buf_adds(html, "<dl>\n");
    add_count(html, "archives checked", (uint64_t)r->archives_checked);
    add_count(html, "of these without a problem", (uint64_t)r->ok);
    add_count(html, "rows", (uint64_t)r->rows);
    buf_adds(html, "<dt>stored</dt><dd>");
    text_add_bytes(html, r->bytes);
    buf_adds(html, "</dd>\n");
    if (r->keys_looked_up > 0)
        add_count(html, "keys looked up in the database", (uint64_t)r->keys_looked_up);
    for (size_t i = 0; i < r->key_use_count; i++) {
        char *name = mem_printf("encrypted with key %s", r->key_uses[i].id);
        add_count(html, name, r->key_uses[i].archives);
        free(name);
    }
    buf_adds(html, "</dl>\n");
}

static void add_findings(struct buf *html, const char *title, const char *class,
                         const struct verify_finding *list, size_t count)
{
    if (count == 0)
        return;
    buf_addf(html,
             "<h2>%s (%zu)</h2>\n<table>\n<thead><tr><th>kind</th><th>object and detail</th></tr>"
             "</thead>\n<tbody>\n",
             title, count);
    for (size_t i = 0; i < count; i++) {
        buf_addf(html, "<tr><td class=\"kind %s\">%s</td><td><div class=\"key\">", class,
                 list[i].kind);
        add_escaped(html, list[i].key);
        buf_adds(html, "</div>");
        add_escaped(html, list[i].detail);
        buf_adds(html, "</td></tr>\n");
    }
    buf_adds(html, "</tbody>\n</table>\n");
}

void verify_report_html(const struct verify_report *report, const char *what, struct buf *html)
{
    buf_adds(html, page_head);
    buf_adds(html, "<p class=\"what\">");
    add_escaped(html, what);
    buf_adds(html, ", ");
    text_add_time(html, text_now_us() / 1000000 * 1000000);
    buf_adds(html, "</p>\n");
    add_verdict(html, report);
    add_findings(html, "Problems", "bad", report->problems, report->problem_count);
    add_findings(html, "Notes", "warn", report->notes, report->note_count);
    if (report->orphan_count > 0)
        buf_addf(html, "<h2>Orphans (%zu)</h2>\n<ul>\n", report->orphan_count);
    for (size_t i = 0; i < report->orphan_count; i++) {
        buf_adds(html, "<li class=\"key\">");
        add_escaped(html, report->orphans[i]);
        buf_adds(html, "</li>\n");
    }
    if (report->orphan_count > 0)
        buf_adds(html, "</ul>\n");
    buf_adds(html, "</body>\n</html>\n");
}
