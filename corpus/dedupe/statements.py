"""The relational part of duplicate detection, in the SQL that DuckDB and Spark SQL share.

Input: ``signatures(split, row, doc_key, content_hash, quality, n_chars, bands,
signature)``; rows of earlier builds have ``split < 0``. Vocabulary:

- **repeat**: a row whose ``doc_key`` occurred before, in (split, row) order;
- **document**: every other row, known by ``k``, 64 bits of its ``doc_key``;
- **content**: the documents of one content hash; its node is the smallest k;
- **node**: a content's node, or a document whose content is alone.

Only nodes have bands that are looked at, and only 64-bit numbers travel until
candidates are known.
"""

from __future__ import annotations

# A prefix that occurs once needs no look at the 128-bit value: int64 groups are several times cheaper.
REPEATED_PREFIXES = (
    "SELECT key64(doc_key, {first}) AS k FROM signatures GROUP BY key64(doc_key, {first}) HAVING count(*) > 1"
)

REPEATS = """
SELECT s.split, s.row, s.doc_key, key64(s.doc_key, {first}) AS k,
       row_number() OVER (PARTITION BY s.doc_key ORDER BY s.split, s.row) AS seen,
       count(*) OVER (PARTITION BY s.doc_key) AS times
FROM signatures s JOIN repeated_prefixes p ON key64(s.doc_key, {first}) = p.k
"""

# More survivors than prefixes: two different documents share their 64 bits.
PREFIX_COLLISIONS = "SELECT k FROM repeats WHERE seen = 1 GROUP BY k HAVING count(*) > 1"

DOCUMENTS = """
SELECT key64(s.doc_key, {first}) AS k, s.doc_key, s.content_hash, s.quality, s.n_chars, s.split, s.row,
       CASE WHEN s.split < 0 THEN 1 ELSE 0 END AS earlier
FROM signatures s
WHERE NOT EXISTS (SELECT 1 FROM repeats r WHERE r.seen > 1 AND r.split = s.split AND r.row = s.row)
"""

CONTENT_PREFIXES = (
    "SELECT key64(content_hash, 1) AS c FROM documents GROUP BY key64(content_hash, 1) HAVING count(*) > 1"
)

# The total order of keepers: published by an earlier build, quality, length, then the smallest of 128 bits.
CONTENTS = """
SELECT k, node, standing, earlier, quality, n_chars, doc_key, split, row FROM (
    SELECT d.k, d.earlier, d.quality, d.n_chars, d.doc_key, d.split, d.row,
           min(d.k) OVER (PARTITION BY d.content_hash) AS node,
           row_number() OVER (PARTITION BY d.content_hash
                              ORDER BY d.earlier DESC, d.quality DESC, d.n_chars DESC, d.doc_key) AS standing,
           count(*) OVER (PARTITION BY d.content_hash) AS copies
    FROM documents d JOIN content_prefixes p ON key64(d.content_hash, 1) = p.c
) t WHERE copies > 1
"""

# Rows that stand behind another one: the same document again, or the same content as a node.
ABSORBED = """
SELECT split, row FROM repeats WHERE seen > 1
UNION ALL SELECT split, row FROM contents WHERE k <> node
"""

NODE_BANDS = """
SELECT key64(s.doc_key, {first}) AS k, s.bands FROM signatures s
WHERE NOT EXISTS (SELECT 1 FROM absorbed x WHERE x.split = s.split AND x.row = s.row)
"""

# Linear in a bucket: a star from the smallest node, and a path through the bucket in order of nodes.
LINKS = """
SELECT k, centre, before FROM (
    SELECT k, first_value(k) OVER (PARTITION BY h ORDER BY k) AS centre,
           lag(k) OVER (PARTITION BY h ORDER BY k) AS before
    FROM bucket_rows
) t WHERE centre < k
"""

CANDIDATES = """
SELECT DISTINCT a, b FROM (
    SELECT centre AS a, k AS b FROM links UNION ALL SELECT before AS a, k AS b FROM links
) t WHERE a < b
"""

CANDIDATE_NODES = "SELECT a AS k FROM candidates UNION SELECT b AS k FROM candidates"

CANDIDATE_SKETCHES = """
SELECT key64(s.doc_key, {first}) AS k, s.signature AS sketch
FROM signatures s JOIN candidate_nodes n ON key64(s.doc_key, {first}) = n.k
WHERE NOT EXISTS (SELECT 1 FROM absorbed x WHERE x.split = s.split AND x.row = s.row)
"""

CANDIDATE_PAIRS = """
SELECT c.a, c.b, x.sketch AS left_sketch, y.sketch AS right_sketch
FROM candidates c JOIN candidate_sketches x ON c.a = x.k JOIN candidate_sketches y ON c.b = y.k
"""

# A node is ranked by the best document of its content.
RANKED_NODES = """
SELECT l.root AS component, l.k, d.earlier, d.quality, d.n_chars, d.doc_key, x.sketch
FROM labels l JOIN documents d ON l.k = d.k JOIN candidate_sketches x ON l.k = x.k
WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.node = l.k)
UNION ALL
SELECT l.root AS component, l.k, c.earlier, c.quality, c.n_chars, c.doc_key, x.sketch
FROM labels l JOIN contents c ON l.k = c.node AND c.standing = 1 JOIN candidate_sketches x ON l.k = x.k
"""
RANK_ORDER = ("earlier DESC", "quality DESC", "n_chars DESC", "doc_key")

UNDECIDED = "SELECT component, position, k, earlier FROM led WHERE leader IS NULL"

UNDECIDED_PAIRS = """
SELECT p.a, p.b, p.similarity FROM near_pairs p
JOIN undecided x ON p.a = x.k JOIN undecided y ON p.b = y.k
"""

ASSIGNED = """
SELECT k, component, leader, similarity FROM led WHERE leader IS NOT NULL
UNION ALL SELECT k, component, leader, similarity FROM led_residual
"""

# Every document of a content or of a component, with its leader's node; then the repeats of any document.
MEMBERS = """
SELECT c.k, c.doc_key, c.split, c.row, c.node, coalesce(a.leader, c.node) AS leader,
       coalesce(a.component, c.node) AS component, coalesce(a.similarity, 10000) AS similarity
FROM contents c LEFT JOIN assigned a ON c.node = a.k
UNION ALL
SELECT d.k, d.doc_key, d.split, d.row, d.k AS node, a.leader, a.component, a.similarity
FROM assigned a JOIN documents d ON a.k = d.k
WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.node = a.k)
"""

REPEATED_MEMBERS = """
SELECT m.split, m.row, m.k, m.doc_key, m.node, m.leader, m.component, m.similarity, 1 AS seen FROM members m
UNION ALL
SELECT r.split, r.row, r.k, r.doc_key, coalesce(m.node, r.k) AS node, coalesce(m.leader, r.k) AS leader,
       coalesce(m.component, r.k) AS component, 10000 AS similarity, r.seen
FROM repeats r LEFT JOIN members m ON r.k = m.k
WHERE r.times > 1 AND (r.seen > 1 OR m.k IS NULL)
"""

# What an earlier build published keeps its component, hands it on to what joins it, and names its build.
PLACED_MEMBERS = "SELECT m.*, CAST(NULL AS BINARY) AS inherited, CAST(NULL AS STRING) AS build FROM plain_members m"
PLACED_AMONG_EARLIER = """
SELECT m.*, e.component AS inherited, e.build FROM plain_members m
LEFT JOIN earlier e ON m.split = e.split AND m.row = e.row
"""

# The keeper of a leader's node: the best document of its content, else the document itself.
KEEPERS = """
SELECT m.leader, m.component, m.doc_key AS keeper, m.build FROM all_members m
WHERE m.node = m.leader AND m.seen = 1
  AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.k = m.k AND c.standing > 1)
"""

SMALLEST_KEYS = """
SELECT component, coalesce(min(inherited), min(doc_key)) AS smallest FROM all_members GROUP BY component
"""

SIZES = "SELECT leader, CAST(count(*) AS INT) AS cluster_size FROM all_members GROUP BY leader"

CLUSTERS = """
SELECT m.split, m.row,
       CASE WHEN m.seen > 1 THEN 'repeat' WHEN m.doc_key = p.keeper THEN 'keeper'
            WHEN m.node = m.leader THEN 'exact' ELSE 'near' END AS kind,
       p.keeper,
       CAST(CASE WHEN m.seen > 1 OR m.node = m.leader THEN 1.0 ELSE m.similarity / 10000.0 END AS FLOAT) AS similarity,
       z.cluster_size, s.smallest AS component, p.build
FROM all_members m JOIN keepers p ON m.leader = p.leader
JOIN sizes z ON m.leader = z.leader JOIN smallest_keys s ON m.component = s.component
WHERE m.split >= 0
"""
