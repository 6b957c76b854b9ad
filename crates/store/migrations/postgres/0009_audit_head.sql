-- Where the chain ends, signed; who sealed last, and until when nobody else may.
create table audit_head (
    chain smallint primary key,
    chain_position bigint not null,
    row_hash bytea not null,
    signed_at bigint not null,
    kid text not null,
    signature bytea not null,
    sealer uuid not null,
    lease_until bigint not null
);
