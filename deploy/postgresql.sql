-- Two roles: srw_owner owns the tables and migrates, srw runs the service and can change no table and drop no trigger.
-- As the superuser of the server:  psql -v owner_password=... -v run_password=... -f postgresql.sql
CREATE ROLE srw_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE srw LOGIN PASSWORD :'run_password';
CREATE DATABASE srw OWNER srw_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE srw FROM PUBLIC;
GRANT CONNECT ON DATABASE srw TO srw;
\connect srw
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO srw_owner;
GRANT USAGE ON SCHEMA public TO srw;
-- Whatever srw_owner makes in a migration, now or later: rows yes, tables no. TRUNCATE, TRIGGER and REFERENCES are not among them.
ALTER DEFAULT PRIVILEGES FOR ROLE srw_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO srw;
ALTER DEFAULT PRIVILEGES FOR ROLE srw_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO srw;
