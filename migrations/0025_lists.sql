-- What lists of repositories are ordered by and counted from, so that neither reads every row.
-- Stars and forks are counted where they change: by triggers, so that no change can forget to. They change no right.
ALTER TABLE repository ADD COLUMN star_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repository ADD COLUMN fork_count INTEGER NOT NULL DEFAULT 0;
UPDATE repository SET
    star_count = (SELECT COUNT(*) FROM star z WHERE z.repo_id = repository.id),
    fork_count = (SELECT COUNT(*) FROM repository z WHERE z.fork_id = repository.id);

CREATE INDEX repository_by_owner ON repository (owner_id, is_private);
CREATE INDEX repository_by_size ON repository (size_bytes, id);
CREATE INDEX repository_by_stars ON repository (star_count, id);
CREATE INDEX repository_by_forks ON repository (fork_count, id);

CREATE TRIGGER star_count_insert AFTER INSERT ON star
BEGIN UPDATE repository SET star_count = star_count + 1 WHERE id = NEW.repo_id; END;
CREATE TRIGGER star_count_delete AFTER DELETE ON star
BEGIN UPDATE repository SET star_count = star_count - 1 WHERE id = OLD.repo_id; END;
CREATE TRIGGER star_count_update AFTER UPDATE OF repo_id ON star
BEGIN
    UPDATE repository SET star_count = star_count - 1 WHERE id = OLD.repo_id;
    UPDATE repository SET star_count = star_count + 1 WHERE id = NEW.repo_id;
END;

CREATE TRIGGER fork_count_insert AFTER INSERT ON repository WHEN NEW.fork_id IS NOT NULL
BEGIN UPDATE repository SET fork_count = fork_count + 1 WHERE id = NEW.fork_id; END;
CREATE TRIGGER fork_count_delete AFTER DELETE ON repository WHEN OLD.fork_id IS NOT NULL
BEGIN UPDATE repository SET fork_count = fork_count - 1 WHERE id = OLD.fork_id; END;
CREATE TRIGGER fork_count_update AFTER UPDATE OF fork_id ON repository
BEGIN
    UPDATE repository SET fork_count = fork_count - 1 WHERE id = OLD.fork_id;
    UPDATE repository SET fork_count = fork_count + 1 WHERE id = NEW.fork_id;
END;

-- Who may see a repository without being named: 0 nobody, 1 every account, 2 everybody.
CREATE VIEW repository_audience AS
    SELECT r.id AS repo_id,
        CASE WHEN r.is_private = 1 THEN 0 WHEN u.visibility = 'public' THEN 2 WHEN u.visibility = 'limited' THEN 1 ELSE 0 END AS audience
    FROM repository r JOIN users u ON u.id = r.owner_id;

-- How many repositories have a topic: all, those that every account may see, those that everybody may see. What else somebody may see is counted when it is
-- asked for. `audience` says it of one repository.
ALTER TABLE repository_topic ADD COLUMN audience INTEGER NOT NULL DEFAULT 0;
ALTER TABLE topic ADD COLUMN repo_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE topic ADD COLUMN open_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE topic ADD COLUMN public_count INTEGER NOT NULL DEFAULT 0;
UPDATE repository_topic SET audience =
    (SELECT a.audience FROM repository_audience a WHERE a.repo_id = repository_topic.repo_id);
UPDATE topic SET
    repo_count = (SELECT COUNT(*) FROM repository_topic x WHERE x.topic_id = topic.id),
    open_count = (SELECT COUNT(*) FROM repository_topic x WHERE x.topic_id = topic.id AND x.audience >= 1),
    public_count = (SELECT COUNT(*) FROM repository_topic x WHERE x.topic_id = topic.id AND x.audience >= 2);

CREATE TRIGGER topic_count_insert AFTER INSERT ON repository_topic
BEGIN
    UPDATE topic SET repo_count = repo_count + 1, open_count = open_count + (NEW.audience >= 1),
        public_count = public_count + (NEW.audience >= 2) WHERE id = NEW.topic_id;
    UPDATE repository_topic SET audience =
        (SELECT a.audience FROM repository_audience a WHERE a.repo_id = NEW.repo_id)
    WHERE repo_id = NEW.repo_id AND topic_id = NEW.topic_id;
END;
CREATE TRIGGER topic_count_delete AFTER DELETE ON repository_topic
BEGIN
    UPDATE topic SET repo_count = repo_count - 1, open_count = open_count - (OLD.audience >= 1),
        public_count = public_count - (OLD.audience >= 2) WHERE id = OLD.topic_id;
END;
CREATE TRIGGER topic_count_update AFTER UPDATE OF audience ON repository_topic
BEGIN
    UPDATE topic SET open_count = open_count + (NEW.audience >= 1) - (OLD.audience >= 1),
        public_count = public_count + (NEW.audience >= 2) - (OLD.audience >= 2) WHERE id = NEW.topic_id;
END;
CREATE TRIGGER topic_audience_of_repository AFTER UPDATE OF is_private, owner_id ON repository
WHEN OLD.is_private <> NEW.is_private OR OLD.owner_id <> NEW.owner_id
BEGIN
    UPDATE repository_topic SET audience =
        (SELECT a.audience FROM repository_audience a WHERE a.repo_id = NEW.id)
    WHERE repo_id = NEW.id;
END;
CREATE TRIGGER topic_audience_of_owner AFTER UPDATE OF visibility ON users
WHEN OLD.visibility <> NEW.visibility
BEGIN
    UPDATE repository_topic SET audience =
        (SELECT a.audience FROM repository_audience a WHERE a.repo_id = repository_topic.repo_id)
    WHERE repo_id IN (SELECT r.id FROM repository r WHERE r.owner_id = NEW.id);
END;
