%% SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
%%
%% The same benchmarks in Erlang, by processes: each does what the variant "actors" of
%% the C file of its name does, verifies the same, and has the same fault.
%%
%%	erl -noinput -run savina main [fault] NAME SIZE...
%%
%% prints milliseconds.
-module(savina).
-export([main/0, main/1]).

main() ->
	usage().

main(["fault" | Args]) ->
	run(true, Args);
main(Args) ->
	run(false, Args).

run(Fault, [Name | Sizes]) ->
	Start = erlang:monotonic_time(),
	case bench(Name, [list_to_integer(S) || S <- Sizes], Fault) of
		ok ->
			Us = erlang:convert_time_unit(erlang:monotonic_time() - Start, native,
						      microsecond),
			io:format("~.3f~n", [Us / 1000]),
			halt(0);
		{wrong, Format, Args} ->
			io:format(standard_error, "savina: " ++ Format ++ "~n", Args),
			halt(1)
	end;
run(_, []) ->
	usage().

usage() ->
	io:format(standard_error, "usage: savina [fault] NAME SIZE...; see the head of savina.erl~n",
		  []),
	halt(2).

bench("pingpong", [N], Fault) -> pingpong(N, at(Fault, N));
bench("threadring", [N, Hops], Fault) -> threadring(N, Hops, Fault);
bench("forkjoin", [Workers, N], Fault) -> forkjoin(Workers, N, at(Fault, N));
bench("chameneos", [C, N], Fault) -> chameneos(C, N, at(Fault, N));
bench("big", [W, N], Fault) -> big(W, N, at(Fault, N));
bench("philosophers", [N, Meals], Fault) -> philosophers(N, Meals, Fault);
bench("barber", [N, Chairs], Fault) -> barber(N, Chairs, at(Fault, N));
bench("smokers", [N, Rounds], Fault) -> smokers(N, Rounds, at(Fault, Rounds));
bench("bndbuffer", [P, C, Items, Room], Fault) -> bndbuffer(P, C, Items, Room, Fault);
bench(_, _, _) -> usage().

%% Where the fault is to be; none: nowhere.
at(true, N) -> N div 2;
at(false, _) -> none.

%% Park and Miller's, as savina_random().
random(State) -> State * 48271 rem 16#7fffffff.

%% What the processes answer, in their order.
collect(Pids) ->
	[receive {result, Pid, Result} -> Result end || Pid <- Pids].

result(To, Result) ->
	To ! {result, self(), Result}.

%% The first that is not as it should be: its number, and what it is.
odd(Should, Results) ->
	odd(Should, Results, 0).

odd(_, [], _) -> none;
odd(Should, [Result | Rest], I) ->
	case Should(I) of
		Result -> odd(Should, Rest, I + 1);
		_ -> {I, Result}
	end.

pingpong(N, FaultAt) ->
	Self = self(),
	Pong = spawn_link(fun() -> pong(Self, FaultAt, 0) end),
	Value = ping(Pong, N, 0),
	Pong ! stop,
	case collect([Pong]) of
		[N] when Value =:= N -> ok;
		[Seen] -> {wrong, "pong has seen ~b, the last answer is ~b, and not ~b",
			   [Seen, Value, N]}
	end.

ping(_, 0, Value) ->
	Value;
ping(Pong, N, Value) ->
	Pong ! {ping, self(), Value},
	receive {pong, Next} -> ping(Pong, N - 1, Next) end.

pong(To, FaultAt, Seen) ->
	receive
		{ping, From, Value} when Seen =:= FaultAt ->
			From ! {pong, Value},
			pong(To, FaultAt, Seen + 1);
		{ping, From, Value} ->
			From ! {pong, Value + 1},
			pong(To, FaultAt, Seen + 1);
		stop ->
			result(To, Seen)
	end.

threadring(N, Hops, Fault) ->
	Self = self(),
	Nodes = [spawn_link(fun() ->
			receive {next, Next} -> ring_node(Self, Next, Fault and (I =:= 1), 0) end
		end) || I <- lists:seq(0, N - 1)],
	[Node ! {next, Next} || {Node, Next} <- lists:zip(Nodes, tl(Nodes) ++ [hd(Nodes)])],
	hd(Nodes) ! {token, Hops},
	receive done -> ok end,
	[Node ! stop || Node <- Nodes],
	Should = fun(I) when I =< Hops -> (Hops - I) div N + 1; (_) -> 0 end,
	case odd(Should, collect(Nodes)) of
		none -> ok;
		{I, Seen} -> {wrong, "node ~b had the token ~b times, and not ~b",
			      [I, Seen, Should(I)]}
	end.

ring_node(To, Next, Fault, Seen) ->
	receive
		{token, 0} ->
			To ! done,
			ring_node(To, Next, Fault, Seen + 1);
		{token, Left} when Fault, Seen =:= 0, Left > 1 ->
			Next ! {token, Left - 2},
			ring_node(To, Next, Fault, Seen + 1);
		{token, Left} ->
			Next ! {token, Left - 1},
			ring_node(To, Next, Fault, Seen + 1);
		stop ->
			result(To, Seen)
	end.

forkjoin(Workers, N, FaultAt) ->
	Self = self(),
	Lose = fun(1) -> FaultAt; (_) -> none end,
	Pids = [spawn_link(fun() -> fj_worker(Self, Lose(I), 0, 0, ordered) end) ||
		I <- lists:seq(0, Workers - 1)],
	[Pid ! {add, Value} || Value <- lists:seq(0, N - 1), Pid <- Pids],
	[Pid ! stop || Pid <- Pids],
	case odd(fun(_) -> {N, N * (N - 1) div 2, ordered} end, collect(Pids)) of
		none -> ok;
		{I, {Seen, Sum, Order}} ->
			{wrong, "worker ~b had ~b of ~b numbers, ~p; sum ~b", [I, Seen, N, Order, Sum]}
	end.

fj_worker(To, Lose, Seen, Sum, Order) ->
	receive
		{add, Lose} -> fj_worker(To, Lose, Seen, Sum, Order);
		{add, Value} when Value < Seen -> fj_worker(To, Lose, Seen + 1, Sum + Value, unordered);
		{add, Value} -> fj_worker(To, Lose, Seen + 1, Sum + Value, Order);
		stop -> result(To, {Seen, Sum, Order})
	end.

chameneos(C, N, FaultAt) ->
	Self = self(),
	Pids = [spawn_link(fun() -> creature(Self, I, I rem 3, 0, 0, false) end) ||
		I <- lists:seq(0, C - 1)],
	mall(1, N, FaultAt),
	[receive {visit, Pid, _, _} -> Pid ! fade end || _ <- Pids],
	Results = collect(Pids),
	Meetings = lists:sum([M || {M, _, _} <- Results]),
	Numbers = lists:sum([S || {_, S, _} <- Results]),
	case lists:any(fun({_, _, Alone}) -> Alone end, Results) of
		true -> {wrong, "a creature met itself", []};
		false when Meetings =:= 2 * N, Numbers =:= N * (N + 1) -> ok;
		false -> {wrong, "~b were at ~b meetings, or some were not of two", [Meetings, N]}
	end.

mall(Number, N, _) when Number > N ->
	ok;
mall(Number, N, FaultAt) ->
	receive {visit, A, IdA, ColourA} -> ok end,
	case Number of
		FaultAt ->
			A ! {meet, Number, IdA, ColourA};
		_ ->
			receive {visit, B, IdB, ColourB} -> ok end,
			A ! {meet, Number, IdB, ColourB},
			B ! {meet, Number, IdA, ColourA}
	end,
	mall(Number + 1, N, FaultAt).

creature(Mall, Id, Colour, Meetings, Numbers, Alone) ->
	Mall ! {visit, self(), Id, Colour},
	receive
		{meet, Number, Other, Colour} ->
			creature(Mall, Id, Colour, Meetings + 1, Numbers + Number,
				 Alone or (Other =:= Id));
		{meet, Number, Other, Its} ->
			creature(Mall, Id, 3 - Colour - Its, Meetings + 1, Numbers + Number,
				 Alone or (Other =:= Id));
		fade ->
			result(Mall, {Meetings, Numbers, Alone})
	end.

big(W, N, FaultAt) ->
	Self = self(),
	Pids = [spawn_link(fun() ->
			receive {workers, All} -> big_ask(Self, All, I, N, FaultAt, I, 0, 0, 0) end
		end) || I <- lists:seq(1, W)],
	[Pid ! {workers, list_to_tuple(Pids)} || Pid <- Pids],
	[receive sunk -> ok end || _ <- Pids],
	[Pid ! stop || Pid <- Pids],
	Results = collect(Pids),
	Pings = lists:sum([P || {_, P, _} <- Results]),
	case odd(fun(_) -> {N, 0} end, [{Sent, Wrong} || {Sent, _, Wrong} <- Results]) of
		none when Pings =:= W * N -> ok;
		none -> {wrong, "~b of ~b pings came", [Pings, W * N]};
		{I, {Sent, Wrong}} ->
			{wrong, "worker ~b sent ~b of ~b pings, and had ~b wrong answers",
			 [I, Sent, N, Wrong]}
	end.

big_ask(Sink, All, Id, N, FaultAt, State, Sent, Pings, Wrong) ->
	Next = random(State),
	Drawn = Next rem (tuple_size(All) - 1) + 1,
	Asked = if Drawn >= Id -> Drawn + 1; true -> Drawn end,
	element(Asked, All) ! {ping, Id, Sent},
	big_wait(Sink, All, Id, N, FaultAt, Next, Sent + 1, Pings, Wrong, Asked).

big_wait(Sink, All, Id, N, FaultAt, State, Sent, Pings, Wrong, Asked) ->
	receive
		{ping, From, Value} ->
			Answer = if From =:= 2, Value =:= FaultAt -> Value + 1; true -> Value end,
			element(From, All) ! {pong, Id, Answer},
			big_wait(Sink, All, Id, N, FaultAt, State, Sent, Pings + 1, Wrong, Asked);
		{pong, From, Value} ->
			Wrongs = if From =:= Asked, Value =:= Sent - 1 -> Wrong; true -> Wrong + 1 end,
			if
				Sent < N ->
					big_ask(Sink, All, Id, N, FaultAt, State, Sent, Pings, Wrongs);
				true ->
					Sink ! sunk,
					big_wait(Sink, All, Id, N, FaultAt, State, Sent, Pings,
						 Wrongs, none)
			end;
		stop ->
			result(Sink, {Sent, Pings, Wrong})
	end.

%% An arbitrator has the forks, and denies; who is denied asks again.  Whether a fork is in
%% use is seen by an array of atomics.
philosophers(N, Meals, Fault) ->
	Self = self(),
	InUse = atomics:new(N, []),
	Eaten = atomics:new(N, []),
	Pids = [spawn_link(fun() ->
			Stay = fun() -> Fault andalso I =:= 1 andalso
				atomics:get(Eaten, N) < Meals end,
			wait_until(fun() -> not (Fault andalso I =:= N) orelse
				atomics:get(InUse, 1) =:= 1 end),
			philosopher(Self, {I, I rem N + 1}, Meals, InUse, Eaten, Stay, 0)
		end) || I <- lists:seq(1, N)],
	arbitrate(list_to_tuple(lists:duplicate(N, free)), N * Meals, Fault),
	[Pid ! stop || Pid <- Pids],
	Results = [{atomics:get(Eaten, I), Clashes} ||
		{I, Clashes} <- lists:zip(lists:seq(1, N), collect(Pids))],
	case odd(fun(_) -> {Meals, 0} end, Results) of
		none -> ok;
		{I, {Had, Clashes}} ->
			{wrong, "philosopher ~b had ~b of ~b meals, and took forks in use ~b times",
			 [I, Had, Meals, Clashes]}
	end.

arbitrate(_, 0, _) ->
	ok;
arbitrate(Forks, Left, Fault) ->
	receive
		{hungry, Pid, Low, High} when element(Low, Forks) =:= free,
					      element(High, Forks) =:= free ->
			Pid ! eat,
			Taken = setelement(High, setelement(Low, Forks, taken), taken),
			arbitrate(two_of_first(Taken, Fault), Left, Fault);
		{hungry, Pid, _, _} ->
			Pid ! denied,
			arbitrate(Forks, Left, Fault);
		{done, Low, High} ->
			arbitrate(setelement(High, setelement(Low, Forks, free), free), Left - 1, Fault)
	end.

two_of_first(Forks, true) -> setelement(1, Forks, free);
two_of_first(Forks, false) -> Forks.

philosopher(To, {Low, High} = Forks, Meals, InUse, Eaten, Stay, Clashes) ->
	To ! {hungry, self(), Low, High},
	receive
		denied ->
			erlang:yield(),
			philosopher(To, Forks, Meals, InUse, Eaten, Stay, Clashes);
		eat ->
			Found = atomics:exchange(InUse, Low, 1) + atomics:exchange(InUse, High, 1),
			erlang:yield(),
			wait_until(fun() -> not Stay() end),
			atomics:put(InUse, Low, 0),
			atomics:put(InUse, High, 0),
			To ! {done, Low, High},
			case atomics:add_get(Eaten, Low, 1) of
				Meals -> receive stop -> result(To, Clashes + Found) end;
				_ -> philosopher(To, Forks, Meals, InUse, Eaten, Stay, Clashes + Found)
			end
	end.

wait_until(Fun) ->
	case Fun() of
		true -> ok;
		false -> erlang:yield(), wait_until(Fun)
	end.

barber(N, Chairs, FaultAt) ->
	Self = self(),
	Room = spawn_link(fun() -> room(Chairs, queue:new(), 0, 0, none) end),
	Barber = spawn_link(fun() -> barber_work(Room, FaultAt, 0) end),
	Cuts = factory(N, 2 * Chairs, fun() -> customer(Self, Room) end, 0, []),
	Barber ! stop,
	Room ! {stop, Self},
	[Most] = collect([Room]),
	case odd(fun(_) -> 1 end, Cuts) of
		none when Most =< Chairs -> ok;
		none -> {wrong, "~b waited, and there are ~b chairs", [Most, Chairs]};
		{_, Cut} -> {wrong, "a customer was cut ~b times", [Cut]}
	end.

room(Chairs, Queue, Waiting, Most, Barber) ->
	receive
		{enter, Pid} when Barber =/= none ->
			Barber ! {cut, Pid},
			room(Chairs, Queue, Waiting, Most, none);
		{enter, Pid} when Waiting < Chairs ->
			room(Chairs, queue:in(Pid, Queue), Waiting + 1, max(Most, Waiting + 1), none);
		{enter, Pid} ->
			Pid ! full,
			room(Chairs, Queue, Waiting, Most, none);
		{next, Pid} when Waiting > 0 ->
			{{value, Customer}, Rest} = queue:out(Queue),
			Pid ! {cut, Customer},
			room(Chairs, Rest, Waiting - 1, Most, none);
		{next, Pid} ->
			room(Chairs, Queue, Waiting, Most, Pid);
		{stop, To} ->
			result(To, Most)
	end.

barber_work(Room, FaultAt, Served) ->
	Room ! {next, self()},
	receive
		{cut, Pid} when Served =:= FaultAt ->
			Pid ! {done, 0},
			barber_work(Room, FaultAt, Served + 1);
		{cut, Pid} ->
			Pid ! {done, 1},
			barber_work(Room, FaultAt, Served + 1);
		stop ->
			ok
	end.

%% At most so many are about at a time.
factory(0, _, _, 0, Cuts) ->
	Cuts;
factory(N, Most, Customer, About, Cuts) when N > 0, About < Most ->
	spawn_link(Customer),
	factory(N - 1, Most, Customer, About + 1, Cuts);
factory(N, Most, Customer, About, Cuts) ->
	receive {result, _, Cut} -> factory(N, Most, Customer, About - 1, [Cut | Cuts]) end.

customer(To, Room) ->
	Room ! {enter, self()},
	receive
		full ->
			erlang:yield(),
			customer(To, Room);
		{done, Cuts} ->
			result(To, Cuts)
	end.

smokers(N, Rounds, FaultAt) ->
	Self = self(),
	Pids = [spawn_link(fun() -> smoker(Self, 0) end) || _ <- lists:seq(1, N)],
	arbiter(list_to_tuple(Pids), 0, Rounds, FaultAt, 1),
	[Pid ! stop || Pid <- Pids],
	Drawn = drawn(N, Rounds, 1, #{}),
	case odd(fun(I) -> maps:get(I, Drawn, 0) end, collect(Pids)) of
		none -> ok;
		{I, Smoked} -> {wrong, "smoker ~b has smoked ~b times, and not ~b",
				[I, Smoked, maps:get(I, Drawn, 0)]}
	end.

arbiter(_, Rounds, Rounds, _, _) ->
	ok;
arbiter(Pids, Round, Rounds, FaultAt, State) ->
	N = tuple_size(Pids),
	Next = random(State),
	Drawn = if Round =:= FaultAt -> (Next rem N + 1) rem N; true -> Next rem N end,
	element(Drawn + 1, Pids) ! start,
	receive taken -> arbiter(Pids, Round + 1, Rounds, FaultAt, Next) end.

smoker(To, Smoked) ->
	receive
		start ->
			To ! taken,
			smoker(To, Smoked + 1);
		stop ->
			result(To, Smoked)
	end.

drawn(_, 0, _, Map) ->
	Map;
drawn(N, Rounds, State, Map) ->
	Next = random(State),
	drawn(N, Rounds - 1, Next, maps:update_with(Next rem N, fun(I) -> I + 1 end, 1, Map)).

%% The manager lets as many produce as there is room for what they make.
bndbuffer(P, C, Items, Room, Fault) ->
	Self = self(),
	Manager = spawn_link(fun() -> manager(Self, P, C, Room) end),
	[spawn_link(fun() ->
		Manager ! {more, self()},
		producer(Manager, I, 1, Items, if Fault, I =:= 1 -> Items div 2 + 1; true -> none end)
	end) || I <- lists:seq(0, P - 1)],
	Pids = [spawn_link(fun() -> consumer(Self, Manager, #{}, 0, 0, 0) end) ||
		_ <- lists:seq(1, C)],
	Results = collect(Pids),
	[Most] = collect([Manager]),
	{Ns, Sums, Unordered} = lists:unzip3(Results),
	case {lists:sum(Ns), lists:sum(Sums), lists:sum(Unordered)} of
		{N, Sum, 0} when N =:= Items * P, Sum =:= Items * (Items + 1) div 2 * P,
				 Most =< Room -> ok;
		{N, Sum, Odd} ->
			{wrong, "~b of ~b items were consumed, sum ~b, ~b out of order, ~b waited for ~b",
			 [N, Items * P, Sum, Odd, Most, Room]}
	end.

producer(Manager, Id, Made, Items, FaultAt) ->
	receive produce -> ok end,
	Number = if Made =:= FaultAt -> Made - 1; true -> Made end,
	Manager ! {item, {Id, Number}},
	if
		Made < Items ->
			Manager ! {more, self()},
			producer(Manager, Id, Made + 1, Items, FaultAt);
		true ->
			Manager ! over
	end.

consumer(To, Manager, Last, N, Sum, Unordered) ->
	Manager ! {ready, self()},
	receive
		{item, {Id, Number}} ->
			Odd = case Last of
				#{Id := Before} when Number =< Before -> 1;
				#{} -> 0
			end,
			consumer(To, Manager, Last#{Id => Number}, N + 1, Sum + Number, Unordered + Odd);
		stop ->
			result(To, {N, Sum, Unordered})
	end.

manager(To, P, C, Room) ->
	manager(#{to => To, producers => P, consumers => C, room => Room},
		queue:new(), [], [], 0, 0, 0).

%% Buffer, who is ready, who may make more; how many items are in it, or promised; most.
manager(#{producers := 0, consumers := C} = State, Buffer, Ready, _, 0, Promised, Most)
		when length(Ready) =:= C, Promised =:= 0 ->
	true = queue:is_empty(Buffer),
	[Pid ! stop || Pid <- Ready],
	result(maps:get(to, State), Most);
manager(#{room := Room} = State, Buffer, Ready, [Pid | Waiting], Used, Promised, Most)
		when Used + Promised < Room ->
	Pid ! produce,
	manager(State, Buffer, Ready, Waiting, Used, Promised + 1, Most);
manager(#{producers := P} = State, Buffer, Ready, Waiting, Used, Promised, Most) ->
	receive
		{item, Item} when Ready =/= [] ->
			hd(Ready) ! {item, Item},
			manager(State, Buffer, tl(Ready), Waiting, Used, Promised - 1, Most);
		{item, Item} ->
			manager(State, queue:in(Item, Buffer), [], Waiting, Used + 1, Promised - 1,
				max(Most, Used + 1));
		{ready, Pid} when Used > 0 ->
			{{value, Item}, Rest} = queue:out(Buffer),
			Pid ! {item, Item},
			manager(State, Rest, Ready, Waiting, Used - 1, Promised, Most);
		{ready, Pid} ->
			manager(State, Buffer, [Pid | Ready], Waiting, Used, Promised, Most);
		{more, Pid} ->
			manager(State, Buffer, Ready, [Pid | Waiting], Used, Promised, Most);
		over ->
			manager(State#{producers := P - 1}, Buffer, Ready, Waiting, Used, Promised, Most)
	end.
