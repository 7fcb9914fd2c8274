/* SPDX-License-Identifier: PostgreSQL */
#include "access.h"

#include <pwd.h>
#include <unistd.h>

#include "base/log.h"

static void user_name(char *ret_name, size_t size)
{
    char room[1024];
    struct passwd entry, *found = NULL;

    if (getpwuid_r(getuid(), &entry, room, sizeof(room), &found) == 0 && found)
        snprintf(ret_name, size, "%s", found->pw_name);
    else
        snprintf(ret_name, size, "uid %u", (unsigned)getuid());
}

void access_note(const char *key, const char *what, const char *how)
{
    char user[64];

    user_name(user, sizeof(user));
    log_msg(LOG_INFO, "access: %s, %s of %s%s%s", user, what, key, how ? ", " : "", how ? how : "");
}
