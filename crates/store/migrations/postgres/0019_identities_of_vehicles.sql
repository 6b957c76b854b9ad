-- Our certificate and its private key for one vehicle, encrypted with the master key: shown when its SOVD server asks who we are.
alter table vehicles add column sovd_identity bytea;
