-- Tokens of machines: each opens a session of its owner, and limits it to a role, and maybe to fleets.
create table api_tokens (
    session_id blob primary key,
    token_hash blob not null unique,
    name text not null,
    role text not null,
    -- Whether it sees only the fleets of its own; else what its owner sees.
    is_confined integer not null,
    last_used_at integer
) strict;
