//! The database of a test, past the application: for rows that only a fault can make.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::harness::app::TestApp;

/// The database under a running application.
pub struct Sql {
    url: String,
}

impl Sql {
    pub fn of(app: &TestApp) -> Self {
        let url = match app.place_of_data() {
            ("--database-url", url) => url,
            (_, folder) => format!("sqlite://{folder}/orderwire.db"),
        };
        Self { url }
    }

    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    /// Runs a statement that is the same in both dialects.
    pub async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            connection.execute(sqlx::raw_sql(sql)).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            connection.execute(sqlx::raw_sql(sql)).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    /// Runs a query for one number.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        }
    }

    /// An id like `ord_…` as a literal.
    pub fn id(&self, id: &str) -> String {
        let hex: String = id.rsplit('_').next().unwrap().chars().filter(|it| *it != '-').collect();
        if self.is_sqlite() { format!("X'{hex}'") } else { format!("'{hex}'::uuid") }
    }

    /// Bytes as a literal.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let hex = hex::encode(bytes);
        if self.is_sqlite() { format!("X'{hex}'") } else { format!("'\\x{hex}'::bytea") }
    }
}
