-- SPDX-License-Identifier: GPL-2.0
--
-- A load for sysbench: each event moves money between two accounts and notes it,
-- in one transaction.  One that MariaDB rolls back, for a deadlock, is done again.

sysbench.cmdline.options = {
	accounts = {"Number of accounts", 20},
}

function thread_init()
	drv = sysbench.sql.driver()
	con = drv:connect()
end

function thread_done()
	con:disconnect()
end

function event()
	local accounts = sysbench.opt.accounts
	local from = sysbench.rand.uniform(1, accounts)
	local to = sysbench.rand.uniform(1, accounts - 1)
	local amount = sysbench.rand.uniform(1, 100)

	if to >= from then
		to = to + 1
	end
	con:query("BEGIN")
	con:query(("UPDATE account SET balance = balance - %d, moves = moves + 1 WHERE id = %d"):format(amount, from))
	con:query(("UPDATE account SET balance = balance + %d, moves = moves + 1 WHERE id = %d"):format(amount, to))
	con:query(("INSERT INTO moved (giver, taker, amount) VALUES (%d, %d, %d)"):format(from, to, amount))
	con:query("COMMIT")
end

function sysbench.hooks.sql_error_ignorable(err)
	if err.sql_errno == 1213 or err.sql_errno == 1205 then
		return true
	end
end
