# SPDX-License-Identifier: PostgreSQL
#
# A table `logs` with a column for every type of way/types.txt and a row for every value, and its
# copy `orig`; $DIR/types has the types in the order of the columns c1, c2, ...

types_of_our_own() {
    sql "CREATE TYPE mood AS ENUM ('sad', 'it''s \"q\", ok');
         CREATE TYPE pair AS (a int, \"b c\" text);
         CREATE TYPE nested AS (p pair, i int[], ps pair[], j json, jb jsonb, iv interval, d date,
             by bytea, f float8);
         CREATE DOMAIN positive AS int CHECK (VALUE > 0);
         CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
         CREATE DOMAIN positives AS int[];
         CREATE TYPE textrange AS RANGE (subtype = text, collation = \"C\")"
    # A domain over a composite came with PostgreSQL 11.
    sql "CREATE DOMAIN pair_ok AS pair CHECK ((VALUE).a IS NULL OR (VALUE).a > 0)"
}

# One column a type, one row a value: the others are NULL.
make_table() {
    local version types type number
    version=$(sql 'SHOW server_version_num')
    grep -v '^#' "$TESTS/way/types.txt" |
        awk -F'|' -v version="$version" '$1 + 0 <= version + 0' >"$DIR/cases"
    cut -d'|' -f2 "$DIR/cases" | awk '!seen[$0]++' >"$DIR/types"
    {
        echo 'CREATE TABLE logs (id serial PRIMARY KEY, at timestamptz NOT NULL'
        awk '{ print ", c" NR " " $0 }' "$DIR/types"
        echo ');'
        while IFS='|' read -r _ type value; do
            number=$(grep -nxF -- "$type" "$DIR/types" | cut -d: -f1)
            echo "INSERT INTO logs (at, c$number) VALUES (now() - interval '1 year', ($value)::$type);"
        done <"$DIR/cases"
        # and a row where all are NULL
        echo "INSERT INTO logs (at) VALUES (now() - interval '1 year');"
        echo 'CREATE TABLE orig AS TABLE logs;'
        echo 'CREATE TABLE back (LIKE logs);'
    } >"$DIR/make.sql"
    psql -Xq -v ON_ERROR_STOP=1 -d "$DB" -f "$DIR/make.sql"
}
