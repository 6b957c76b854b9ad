-- What is said twice is said once. In a file of its own: it is long on a long table, and reads go on meanwhile.
create unique index if not exists events_source on events (command_id, source) where source is not null;
