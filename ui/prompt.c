/* SPDX-License-Identifier: PostgreSQL
 *
 * readline's callback interface with nothing of its own on the terminal: it reads from a queue of
 * bytes that keys are turned into, and draws into nowhere. It is global, and so is this.
 */
#include "prompt.h"

#include <readline/history.h>
#include <readline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { ENTERS_MAX = 8 };

static struct {
    bool ready; /* readline is set up */
    enum prompt_kind kind;
    struct buf label, queue, entered, matches;
    size_t taken;       /* of the queue */
    bool over, leaving; /* leaving: what ends is not to be taken */
    prompt_completer completer;
    void *state;
    HISTORY_STATE *histories[PROMPT_KINDS];
} prompt;

/* --- what readline calls --- */

static int next_byte(FILE *ignored)
{
    (void)ignored;
    return prompt.taken < prompt.queue.len ? (unsigned char)prompt.queue.data[prompt.taken++] : EOF;
}

static int have_bytes(void)
{
    return prompt.taken < prompt.queue.len;
}

static void draw_nothing(void)
{
}

static void take_line(char *line)
{
    prompt.over = true;
    if (!line || prompt.leaving) { /* NULL: Ctrl-D */
        free(line);
        return;
    }
    buf_adds(&prompt.entered, line);
    if (*line && prompt.kind != PROMPT_VALUE) {
        HIST_ENTRY *last =
            history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
        if (!last || strcmp(last->line, line) != 0)
            add_history(line);
    }
    free(line);
}

static char *complete_one(const char *word, int n)
{
    static size_t number;

    number = n == 0 ? 0 : number + 1;
    if (!prompt.completer)
        return NULL;
    const char *text =
        prompt.completer(rl_line_buffer, rl_point - (int)strlen(word), word, number, prompt.state);
    return text ? strdup(text) : NULL;
}

static char **complete(const char *word, int start, int end)
{
    (void)start;
    (void)end;
    rl_attempted_completion_over = 1; /* never file names */
    return rl_completion_matches(word, complete_one);
}

static void note_matches(char **matches, int count, int longest)
{
    (void)longest;
    buf_reset(&prompt.matches);
    for (int i = 1; i <= count; i++)
        buf_addf(&prompt.matches, "%s%s", i > 1 ? "  " : "", matches[i]);
}

static void set_up(void)
{
    if (prompt.ready)
        return;
    prompt.ready = true;
    rl_readline_name = "archiver-tui";
    rl_outstream = fopen("/dev/null", "w");
    rl_instream = stdin;
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_change_environment = 0;
    rl_getc_function = next_byte;
    rl_input_available_hook = have_bytes;
    rl_redisplay_function = draw_nothing;
    rl_prep_term_function = NULL;
    rl_deprep_term_function = NULL;
    rl_attempted_completion_function = complete;
    rl_completion_display_matches_hook = note_matches;
    rl_completer_word_break_characters = " ";
    rl_variable_bind("bell-style", "none");
    rl_variable_bind("enable-bracketed-paste", "off");
    rl_variable_bind("show-all-if-ambiguous", "on");
    using_history();
}

/* --- ours --- */

void prompt_begin(enum prompt_kind kind, const char *label, const char *initial,
                  prompt_completer completer, void *state)
{
    static HISTORY_STATE empty;

    set_up();
    prompt.kind = kind;
    prompt.completer = completer;
    prompt.state = state;
    prompt.over = false;
    buf_reset(&prompt.label);
    buf_adds(&prompt.label, label);
    buf_reset(&prompt.entered);
    buf_reset(&prompt.matches);
    buf_reset(&prompt.queue);
    prompt.taken = 0;
    history_set_history_state(prompt.histories[kind] ? prompt.histories[kind] : &empty);
    using_history();
    rl_callback_handler_install("", take_line);
    if (initial && *initial)
        rl_insert_text(initial);
}

/* readline only lets go of a line by ending it: what it keeps for undoing would be freed twice. A
 * quoted or searched-for character may take the first Enter. */
static void end_line(void)
{
    for (int n = 0; !prompt.over && n < ENTERS_MAX; n++) {
        buf_reset(&prompt.queue);
        buf_addc(&prompt.queue, '\r');
        prompt.taken = 0;
        prompt.leaving = true;
        rl_callback_read_char();
    }
    prompt.leaving = false;
}

void prompt_end(void)
{
    end_line();
    rl_callback_handler_remove();
    free(prompt.histories[prompt.kind]);
    prompt.histories[prompt.kind] = history_get_history_state();
}

static void queue_key(int code)
{
    static const struct {
        int code;
        const char *bytes;
    } keys[] = {
        {K_UP, "\033[A"},   {K_DOWN, "\033[B"}, {K_RIGHT, "\033[C"},   {K_LEFT, "\033[D"},
        {K_HOME, "\033[H"}, {K_END, "\033[F"},  {K_BACKSPACE, "\177"}, {K_DELETE, "\033[3~"},
    };

    if (code < 0x110000) {
        char bytes[4];
        buf_add(&prompt.queue, bytes, text_utf8((uint32_t)code, bytes));
        return;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].code == code)
            buf_adds(&prompt.queue, keys[i].bytes);
    }
}

enum prompt_state prompt_feed(const struct term_key *key)
{
    bool empty_erased = key->code == K_BACKSPACE && rl_end == 0;

    if (prompt.over)
        return PROMPT_CANCELLED;
    if (key->code == K_ESC || key->code == K_CTRL('c') || key->code == K_CTRL('g') || empty_erased)
        return PROMPT_CANCELLED;
    buf_reset(&prompt.matches);
    buf_reset(&prompt.queue);
    prompt.taken = 0;
    queue_key(key->code);
    while (!prompt.over && prompt.taken < prompt.queue.len)
        rl_callback_read_char();
    if (!prompt.over)
        return PROMPT_GOES_ON;
    return prompt.entered.data ? PROMPT_ENTERED : PROMPT_CANCELLED;
}

const char *prompt_text(void)
{
    return prompt.over ? buf_str(&prompt.entered) : rl_line_buffer;
}

/* --- drawing --- */

void prompt_draw(struct canvas *canvas, int row)
{
    const struct glyphs *g = canvas->glyphs;
    int label = canvas_put(canvas, row, 0, canvas->cols, STYLE_KEY, buf_str(&prompt.label));
    int room = canvas->cols - label - 1;
    char *before = mem_alloc((size_t)rl_point + 1);

    if (room < 1)
        room = 1;
    memcpy(before, rl_line_buffer, (size_t)rl_point);
    int at = glyph_width(g, before);
    int skip = at >= room ? at - room + 1 : 0;
    free(before);
    canvas_fill(canvas, (struct area){row, label, 1, canvas->cols - label}, ' ', STYLE_TEXT);
    canvas_put_from(canvas, row, label, room + 1, STYLE_TEXT, rl_line_buffer, skip);
    canvas->cursor_row = row;
    canvas->cursor_col = label + at - skip;
    if (prompt.matches.len > 0 && row > 0) {
        canvas_fill(canvas, (struct area){row - 1, 0, 1, canvas->cols}, ' ', STYLE_BAR);
        canvas_put(canvas, row - 1, 1, canvas->cols - 2, STYLE_BAR, buf_str(&prompt.matches));
    }
}
