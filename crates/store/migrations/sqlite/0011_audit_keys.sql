-- The keys that sign the chain; the private halves are encrypted.
create table audit_keys (
    kid text primary key,
    private_key blob not null,
    public_key blob not null,
    created_at integer not null,
    retired_at integer
) strict;
