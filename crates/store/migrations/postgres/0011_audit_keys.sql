-- The keys that sign the chain; the private halves are encrypted.
create table audit_keys (
    kid text primary key,
    private_key bytea not null,
    public_key bytea not null,
    created_at bigint not null,
    retired_at bigint
);
