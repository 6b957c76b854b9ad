-- Whether somebody else has set the password: it is good for nothing but the change of it.
alter table users add column must_change_password integer not null default 0;
