-- Users whom another issuer vouches for: each is one subject of that issuer, and logs in by it alone.
create table user_identities (
    issuer text not null,
    subject text not null,
    user_id blob not null unique,
    primary key (issuer, subject)
) strict, without rowid;
