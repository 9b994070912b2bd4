//! The database of a test, without the application: its schema at any level, its rows.

use std::{collections::BTreeMap, fs, path::PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqliteConnection,
    migrate::{Migration, Migrator},
    query, query_scalar,
    sqlite::SqliteConnectOptions,
};
use uuid::Uuid;

use crate::harness::services::Isolated;

/// A connection to the database of a test.
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Does the same on either dialect.
macro_rules! on {
    ($raw:expr, |$conn:ident| $body:expr) => {
        match $raw {
            Raw::Sqlite($conn) => $body,
            Raw::Postgres($conn) => $body,
        }
    };
}

impl Raw {
    /// Opens the database of a test, beside the server or before there is one.
    pub async fn open(isolated: &Isolated) -> Self {
        if let Some(real) = &isolated.real {
            return Self::Postgres(PgConnection::connect(&real.database_url).await.unwrap());
        }
        let file = isolated.data.path().join("orderwire.db");
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
    }

    /// The released migrations of this dialect.
    pub async fn migrator(&self) -> Migrator {
        let dialect = match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        };
        Migrator::new(folder("migrations").join(dialect)).await.unwrap()
    }

    /// Brings the schema up to this level.
    pub async fn migrate(&mut self, migrator: &Migrator, level: i64) {
        on!(self, |conn| migrator.run_to(level, conn).await.unwrap());
    }

    /// Puts the rows of the fixture of this migration into their tables.
    pub async fn fill(&mut self, migration: &Migration) {
        let name = format!("{:04}_{}.json", migration.version, migration.description);
        let path = folder("tests/fixtures/migrations").join(name.replace(' ', "_"));
        let Ok(text) = fs::read_to_string(path) else { return };
        let tables: BTreeMap<String, Vec<Map<String, Value>>> =
            serde_json::from_str(&text).unwrap();
        for (table, rows) in tables {
            for row in rows {
                self.insert(&table, row).await;
            }
        }
    }

    async fn insert(&mut self, table: &str, row: Map<String, Value>) {
        let names: Vec<_> = row.keys().map(String::as_str).collect();
        let names = names.join(", ");
        match self {
            Self::Postgres(conn) => {
                let sql = format!(
                    "INSERT INTO {table} ({names})
                     SELECT {names} FROM jsonb_populate_record(NULL::{table}, $1)"
                );
                query(AssertSqlSafe(sql)).bind(Value::Object(row)).execute(conn).await.unwrap();
            }
            Self::Sqlite(conn) => {
                let types: Vec<(String, String)> =
                    sqlx::query_as("SELECT name, type FROM pragma_table_info($1)")
                        .bind(table)
                        .fetch_all(&mut *conn)
                        .await
                        .unwrap();
                let types: BTreeMap<_, _> = types.into_iter().collect();
                let places = vec!["?"; row.len()].join(", ");
                let sql = format!("INSERT INTO {table} ({names}) VALUES ({places})");
                let mut insert = query(AssertSqlSafe(sql));
                for (name, value) in &row {
                    insert = match (types[name].as_str(), value) {
                        (_, Value::Null) => insert.bind(None::<String>),
                        ("BLOB", Value::String(text)) => insert.bind(bytes(text)),
                        ("INTEGER", Value::String(moment)) => {
                            insert.bind(moment.parse::<Timestamp>().unwrap().as_microsecond())
                        }
                        ("INTEGER", number) => insert.bind(number.as_i64().unwrap()),
                        ("TEXT", Value::String(text)) => insert.bind(text),
                        ("TEXT", json) => insert.bind(json.to_string()),
                        other => panic!("{table}.{name}: {other:?}"),
                    };
                }
                insert.execute(conn).await.unwrap();
            }
        }
    }

    /// Every row of every table, as text, in a fixed order.
    pub async fn contents(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut contents = BTreeMap::new();
        for table in self.tables().await {
            let rows = match self {
                Self::Sqlite(conn) => {
                    let values: String = query_scalar(
                        "SELECT group_concat('quote(\"' || name || '\")', ' || '', '' || ')
                         FROM pragma_table_info($1)",
                    )
                    .bind(&table)
                    .fetch_one(&mut *conn)
                    .await
                    .unwrap();
                    let sql = format!("SELECT {values} FROM {table} ORDER BY 1");
                    query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await
                }
                Self::Postgres(conn) => {
                    let sql = format!("SELECT to_jsonb({table})::text FROM {table} ORDER BY 1");
                    query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await
                }
            };
            contents.insert(table, rows.unwrap());
        }
        contents
    }

    async fn tables(&mut self) -> Vec<String> {
        let tables: Vec<String> = match self {
            Self::Sqlite(conn) => query_scalar(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            )
            .fetch_all(conn)
            .await,
            Self::Postgres(conn) => {
                query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
                    .fetch_all(conn)
                    .await
            }
        }
        .unwrap();
        tables.into_iter().filter(|table| table != "_sqlx_migrations").collect()
    }

    /// Closes the connection.
    pub async fn close(self) {
        on!(self, |conn| conn.close().await.unwrap());
    }
}

fn folder(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), path].iter().collect()
}

/// An id, hexadecimal digits, or plain text.
fn bytes(text: &str) -> Vec<u8> {
    if text.len() == 36
        && let Ok(id) = text.parse::<Uuid>()
    {
        return id.as_bytes().to_vec();
    }
    let Some(digits) = text.strip_prefix("\\x") else { return text.as_bytes().to_vec() };
    let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
