-- Where the chain ends, signed; who sealed last, and until when nobody else may.
create table audit_head (
    chain integer primary key,
    chain_position integer not null,
    row_hash blob not null,
    signed_at integer not null,
    kid text not null,
    signature blob not null,
    sealer blob not null,
    lease_until integer not null
) strict;
