-- What an administrator allows one account: how many repositories it may own (none: any number), and whether it may make organizations where everybody may. Both are asked
-- for when something is made; remembered rights do not hang on them.
ALTER TABLE users ADD COLUMN max_repositories INTEGER CHECK (max_repositories >= 0);
ALTER TABLE users ADD COLUMN may_create_organizations INTEGER NOT NULL DEFAULT 1 CHECK (may_create_organizations IN (0, 1));
