-- How a vehicle is reached. One that is reached otherwise than by SOVD has an empty sovd_url.
alter table vehicles add column connector text not null default 'sovd';
