-- What a vehicle's SOVD server is shown and believed by: its token, encrypted with the master key, and the certificates of its
-- authorities as PEM. And why a server that answers is of no use, as the last probe found it.
alter table vehicles add column sovd_token bytea;
alter table vehicles add column sovd_ca text;
alter table vehicles add column obstacle text;
