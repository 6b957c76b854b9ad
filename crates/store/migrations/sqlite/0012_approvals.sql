-- What needs a second person: until when, and who decided what about exactly which order.
-- approval_hash is null where decided_by denied it.
alter table commands add column approve_by integer;
alter table commands add column decided_by blob;
alter table commands add column decider text;
alter table commands add column decided_at integer;
alter table commands add column approval_hash text;
