// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// English and Japanese: every text of the page, and numbers and times as people write them.

import {recall, remember} from './dom.js';

const en = {
    'leave': 'Leave',
    'retry': 'Try now',
    'footer': 'A peer of rtcbus in your browser.',
    'room.default': 'default room',

    'join.title': 'Who are you in this room?',
    'join.text': 'Peers in a room find each other by name, and then connect directly.',
    'join.name': 'Your name',
    'join.button': 'Join',
    'name.empty': 'A name is needed.',
    'name.long': 'This name is too long: at most 48 bytes.',
    'name.bad': 'This name has characters that cannot be shown, or the shape of an id.',
    'name.taken': '“{wanted}” is taken in this room, so you are “{name}”.',

    'relay.idle': 'not connected',
    'relay.connecting': 'connecting…',
    'relay.connected': 'connected as {name}',
    'relay.waiting': 'relay lost',
    'problem.offline': 'This device is offline. Calls that are connected go on where they can.',
    'problem.unreachable': 'The relay does not answer. Calls that are connected go on.',
    'problem.lost': 'The connection to the relay was lost. Calls that are connected go on.',
    'problem.silent': 'The relay has become silent. Calls that are connected go on.',
    'problem.closed': 'The relay has closed the connection: {words}. Calls that are connected go on.',
    'problem.token': 'The relay lets nobody in without a token: {words}. Ask who runs it for a ' +
        'link with a token in it; it ends with #token=…',
    'problem.refused': 'The relay is there but lets nobody in from here: it may be full, or ' +
        'AllowedOrigins= or ServerNames= in its relay.conf lacks {origin}',
    'problem.origin': 'The relay lets no page in that was loaded from {origin}: {words}.',
    'problem.when': 'Next try in {n} s.',
    'problem.now': 'Trying…',
    'problem.norelay': 'This browser has no WebRTC, or it is turned off.',

    'people.title': 'In this room',
    'people.all': 'Call all',
    'people.nobody': 'Nobody else is here yet.',
    'people.unknown': 'Who is here is told by the relay, as soon as it is back.',
    'own.title': 'Your key',
    'pair.title': 'Pair by a code',
    'pair.text': 'Two people carry a code from one to the other; then each knows the other’s key.',
    'pair.code': 'The other’s code',
    'pair.button': 'Pair',
    'pair.offer': 'Make a code',
    'pair.give': 'Give this code to the other side within five minutes (“rtcbusctl pair CODE” there).',
    'pair.waiting': 'Looking for whoever has made this code…',
    'pair.done': 'Paired with {name}.',
    'pair.failed': 'Not paired: {words}.',
    'own.text': 'Others know you by it. It stays in this browser.',
    'peer.unnamed': 'no name ({id})',
    'call.call': 'Call',
    'call.hangup': 'Hang up',

    'numbers.title': 'Numbers',
    'numbers.window': 'Time shown',
    'numbers.wall': 'Wall',
    'numbers.none': 'Call somebody to see their numbers here.',
    'window.30': '30 s',
    'window.120': '2 min',
    'window.600': '10 min',

    'state.calling': 'calling…',
    'state.connecting': 'connecting…',
    'state.connected': 'connected',
    'state.reconnecting': 'silent…',
    'state.closed': 'not connected',
    'state.listens': 'listens to you',
    'reason.own': 'You hung up.',
    'reason.bye': '{name} hung up.',
    'reason.refused': '{name} refuses the call.',
    'reason.untrusted': '{name} refuses the call: it does not know your key, or knows another one by your name ' +
        '(“rtcbusctl known” there tells; pairing by a code mends it).',
    'reason.busy': '{name} has too many calls.',
    'reason.gaveup': '{name} gave up waiting for an answer.',
    'reason.failed': '{name} could not make sense of what this page sent.',
    'reason.stopped': '{name} hung up: it is being stopped.',
    'reason.newkey': '{name} hung up to begin with another key.',
    'reason.changed': '{name} shows another key than before: somebody may be in between.',
    'reason.ended': '{name} closed the connection.',
    'reason.away': '{name} is not in the room.',
    'reason.relay': 'The relay was lost before the call was connected.',
    'reason.silent': 'Nothing comes from {name} any more: the network or the other side is gone.',
    'reason.timeout': '{name} did not answer.',
    'reason.unreachable': 'No direct way to {name} was found (a firewall, or NAT without STUN or TURN).',
    'reason.bad': 'What {name} sent could not be understood.',
    'reason.replaced': 'A new call took its place.',
    'doing.calling': '{name} is being called and has not answered yet.',
    'doing.connecting': 'A path to {name} is being looked for: both sides try all pairs of addresses.',
    'doing.reconnecting': 'Nothing comes from {name}: a network is cut, or the other side is gone. Another path is ' +
        'being looked for, and after a minute it is called anew.',
    'doing.nothing': '{name} is connected and has published nothing yet.',
    'again.soon': 'It is called again in a moment.',
    'again.back': 'It is called again when it comes back.',
    'again.relay': 'It is called again when the relay is back.',

    'card.remove': 'Remove',
    'card.forget': 'Forget the old key and call',
    'key.now': 'Shown now',
    'key.before': 'Known until now',
    'key.compare': 'Ask whoever runs {name} to read out its digits, by telephone for example (“rtcbusctl fingerprint” ' +
        'shows them there). If they are those shown now, its key was changed on purpose: forget the old one.',
    'card.connection': 'Connection',
    'fact.count': 'Count',
    'fact.rate': 'Rate',
    'fact.gaps': 'Gaps',
    'fact.age': 'Last',
    'fact.missed': 'Missed',
    'missed.title': 'Older than what the other side still has',
    'series.plain': 'numbers',
    'series.bytes': '{n} bytes',
    'fact.path': 'Path',
    'fact.rtt': 'Round trip',
    'fact.setup': 'Set-up',
    'fact.trust': 'Key',
    'fact.code': 'To read out',
    'fact.fingerprint': 'Fingerprint',
    'gaps.title': 'Pauses of more than three times the usual interval',
    'rtt.title': 'As measured by ICE on the selected pair',
    'setup.title': 'From the call to the open channel',
    'trust.title': 'Whether this browser has met the other side’s key before under this name',
    'trust.known': 'known',
    'trust.new': 'new, remembered from now on',
    'trust.unknown': 'no name, so not remembered',
    'trust.changed': 'another than before',
    'code.title': 'The same as “rtcbusctl fingerprint” shows there',
    'fingerprint.title': 'Of the certificate that the other side has shown',
    'unit.less': 'under 1 ms',
    'unit.ms': '{n} ms',
    'unit.s': '{n} s',
    'unit.min': '{n} min',
    'unit.h': '{n} h',
    'unit.rate': '{n} / s',
    'unit.gaps': '{n}, longest {time}',
    'unit.nogaps': 'none',
    'unit.ago': '{time} ago',
    'unit.justnow': 'just now',
    'unit.unknown': 'not told by this browser',
    'candidate.host': 'host',
    'candidate.srflx': 'NAT (srflx)',
    'candidate.prflx': 'NAT (prflx)',
    'candidate.relay': 'TURN (relay)',
    'candidate.hidden': '(address hidden)',

    'plot.none': 'Plot, still empty',
    'plot.label': 'Plot of the numbers of {name}; the last is {value}',
    'plot.now': 'now',
    'plot.s': '−{n} s',
    'plot.min': '−{n} min',

    'emit.title': 'Publish',
    'emit.hint': 'Move the slider: who has called you hears it.',
    'emit.repeat': 'say it again every second',
    'publish.title': 'A value with a name and a unit, or a text',
    'publish.value': 'Value',
    'publish.series': 'Series',
    'publish.unit': 'Unit',
    'publish.kind': 'Kind',
    'publish.auto': 'as it looks',
    'publish.number': 'number',
    'publish.text': 'text',
    'publish.button': 'Publish',
    'publish.done': '{series}: {value} is published.',
    'publish.failed': 'Not published: {words}.',
    'files.title': 'Files for you',
    'files.offer': '{peer} offers {name} ({n} bytes).',
    'files.take': 'Take it',
    'files.refuse': 'Refuse',
    'files.refused': 'Refused.',
    'files.progress': '{n} %',
    'files.whole': 'It is here, whole and checked:',
    'files.failed': 'It failed: {words}.',
    'files.send': 'Send a file',
    'files.asked': '{name}: the other side is asked.',
    'files.sending': '{name}: {n} %',
    'files.sent': '{name} has arrived.',
    'emit.listeners': '{n} listeners',
    'emit.listeners.one': '1 listener',

    'ladder.title': 'The call as it happens',
    'ladder.hint': 'Signaling goes through the relay; numbers then go directly. Open a line to read its frame.',
    'ladder.filter': 'Whose frames',
    'ladder.all': 'all peers',
    'ladder.clear': 'Clear',
    'ladder.save': 'Save as a file',
    'ladder.saveas': 'Save…',
    'ladder.me': 'this page',
    'ladder.relay': 'relay',
    'ladder.them': 'the others',
    'ladder.everyone': 'everyone',
    'ladder.nomore': 'no more',
    'ladder.peers': '{n} others here',
    'ladder.peers.one': '1 other here',
    'step.connected': 'connected',
    'step.connected.why': 'ICE has found a way between the two, and DTLS has agreed on keys and ' +
        'checked the fingerprint. From here on nothing goes through the relay.',
    'step.channel': 'channel open',
    'step.channel.why': 'The data channel is open: SCTP inside DTLS inside UDP. Both sides can send.',
    'step.number': 'first number',
    'step.number.why': 'A number came over the channel, as decimal text.',

    'frame.call': 'The listener asks for a connection. It makes up “session”, which names this call from now on.',
    'frame.offer': 'The emitter describes its side: how to reach it, its certificate, and that it wants a data channel.',
    'frame.answer': 'The listener agrees and describes its own side.',
    'frame.candidate': 'An address at which this side may be reached. Both sides try all pairs; an empty one ends the list.',
    'frame.bye': 'One side hangs up.',
    'frame.welcome': 'The relay greets: our id, and who is in the room.',
    'frame.joined': 'The relay tells that somebody came into the room.',
    'frame.left': 'The relay tells that somebody left the room.',
    'frame.iceServers': 'The relay gives new credentials for TURN servers, before the last ones end.',
    'frame.error': 'The relay could not do what a frame asked for.',

    'sdp.v': 'version, always 0',
    'sdp.o': 'who made this, and which version of it',
    'sdp.s': 'a name, unused',
    'sdp.t': 'from when to when: any time',
    'sdp.m': 'one stream: data channels (SCTP over DTLS over UDP); the port is found by ICE',
    'sdp.c': 'the address is found by ICE too',
    'sdp.group': 'these streams share one transport',
    'sdp.mid': 'this stream’s name',
    'sdp.ice-ufrag': 'who we are in ICE’s checks',
    'sdp.ice-pwd': 'what ICE’s checks are signed with',
    'sdp.ice-options': 'candidates follow one by one',
    'sdp.fingerprint': 'hash of the certificate that DTLS must show: who changes it on the way is found out',
    'sdp.setup': 'who begins DTLS: active begins, passive waits, actpass leaves the choice',
    'sdp.sctp-port': 'the port inside DTLS',
    'sdp.max-message-size': 'the largest message that this side takes, in bytes',
    'sdp.candidate': 'an address at which this side may be reached',
    'sdp.end-of-candidates': 'no more addresses',
    'sdp.extmap-allow-mixed': 'about media, not used here',
    'sdp.msid-semantic': 'about media, not used here',
    'sdp.sendrecv': 'both directions',
};

const ja = {
    'leave': '退出',
    'retry': '今すぐ試す',
    'footer': 'ブラウザの中の rtcbus ピアです。',
    'room.default': '既定のルーム',

    'join.title': 'このルームでのお名前は？',
    'join.text': 'ルームのピアは名前で相手を見つけ、その後は直接つながります。',
    'join.name': 'あなたの名前',
    'join.button': '参加',
    'name.empty': '名前を入力してください。',
    'name.long': '名前が長すぎます (48 バイトまで)。',
    'name.bad': '表示できない文字を含むか、ID と同じ形の名前です。',
    'name.taken': '「{wanted}」はこのルームで使われているため、「{name}」になりました。',

    'relay.idle': '未接続',
    'relay.connecting': '接続中…',
    'relay.connected': '{name} として接続済み',
    'relay.waiting': 'リレーと切断',
    'problem.offline': 'この端末はオフラインです。接続済みの通話は可能な限り続きます。',
    'problem.unreachable': 'リレーが応答しません。接続済みの通話は続きます。',
    'problem.lost': 'リレーとの接続が切れました。接続済みの通話は続きます。',
    'problem.silent': 'リレーからの応答が途絶えました。接続済みの通話は続きます。',
    'problem.closed': 'リレーが接続を閉じました: {words}。接続済みの通話は続きます。',
    'problem.token': 'リレーに入るにはトークンが必要です: {words}。リレーの管理者に、' +
        'トークン付きのリンク (末尾が #token=…) をもらってください。',
    'problem.refused': 'リレーは動いていますが、ここからの接続を受け入れません。満員か、' +
        'relay.conf の AllowedOrigins= または ServerNames= に {origin} がない可能性があります。',
    'problem.origin': 'リレーは {origin} から読み込まれたページを受け入れません: {words}。',
    'problem.when': '{n} 秒後に再試行します。',
    'problem.now': '試行中…',
    'problem.norelay': 'このブラウザには WebRTC がないか、無効になっています。',

    'people.title': '参加中のピア',
    'people.all': '全員を呼び出す',
    'people.nobody': 'まだ他に誰もいません。',
    'people.unknown': '誰がいるかは、リレーが復帰すると分かります。',
    'own.title': 'あなたの鍵',
    'pair.title': 'コードでペアリング',
    'pair.text': '二人がコードを伝え合うと、互いの鍵を確認できます。',
    'pair.code': '相手のコード',
    'pair.button': 'ペアリング',
    'pair.offer': 'コードを作る',
    'pair.give': 'このコードを 5 分以内に相手へ伝えてください (相手側では rtcbusctl pair コード)。',
    'pair.waiting': 'このコードを作った相手を探しています…',
    'pair.done': '{name} とペアリングしました。',
    'pair.failed': 'ペアリングできません: {words}。',
    'own.text': '他のピアはこの鍵であなたを見分けます。鍵はこのブラウザの中に保管されます。',
    'peer.unnamed': '名前なし ({id})',
    'call.call': '呼び出す',
    'call.hangup': '切る',

    'numbers.title': '数値',
    'numbers.window': '表示する時間',
    'numbers.wall': '一覧表示',
    'numbers.none': '誰かを呼び出すと、その数値がここに表示されます。',
    'window.30': '30 秒',
    'window.120': '2 分',
    'window.600': '10 分',

    'state.calling': '呼び出し中…',
    'state.connecting': '接続中…',
    'state.connected': '接続済み',
    'state.reconnecting': '応答なし…',
    'state.closed': '未接続',
    'state.listens': '受信中',
    'reason.own': '通話を切りました。',
    'reason.bye': '{name} が通話を切りました。',
    'reason.refused': '{name} が通話を拒否しました。',
    'reason.untrusted': '{name} が通話を拒否しました。あなたの鍵を知らないか、同じ名前で別の鍵を覚えています ' +
        '(相手側の rtcbusctl known で確認でき、コードでのペアリングで直せます)。',
    'reason.busy': '{name} は通話が多すぎます。',
    'reason.gaveup': '{name} は応答を待つのをやめました。',
    'reason.failed': '{name} はこのページが送ったものを解釈できませんでした。',
    'reason.stopped': '{name} が通話を切りました (停止中です)。',
    'reason.newkey': '{name} が別の鍵に切り替えるために通話を切りました。',
    'reason.changed': '{name} は以前と異なる鍵を提示しました。誰かが間に入っている可能性があります。',
    'reason.ended': '{name} が接続を閉じました。',
    'reason.away': '{name} はルームにいません。',
    'reason.relay': '通話がつながる前にリレーが切断されました。',
    'reason.silent': '{name} から何も届かなくなりました。ネットワークか相手側が停止しています。',
    'reason.timeout': '{name} が応答しませんでした。',
    'reason.unreachable': '{name} への直接の経路が見つかりません (ファイアウォール、または STUN や TURN のない NAT)。',
    'reason.bad': '{name} から届いた内容を解釈できませんでした。',
    'reason.replaced': '新しい通話に置き換えられました。',
    'doing.calling': '{name} を呼び出していますが、まだ応答がありません。',
    'doing.connecting': '{name} への経路を探しています。両側がアドレスのすべての組を試します。',
    'doing.reconnecting': '{name} から何も届きません。ネットワークが切れたか、相手側が停止しています。' +
        '別の経路を探しており、1 分後に改めて呼び出します。',
    'doing.nothing': '{name} と接続済みですが、まだ何も公開されていません。',
    'again.soon': 'まもなく再び呼び出します。',
    'again.back': '戻ってきたら再び呼び出します。',
    'again.relay': 'リレーが復帰したら再び呼び出します。',

    'card.remove': '取り除く',
    'card.forget': '古い鍵を忘れて呼び出す',
    'key.now': '今回の鍵',
    'key.before': 'これまでの鍵',
    'key.compare': '{name} の管理者に、電話などで数字を読み上げてもらってください (相手側の rtcbusctl fingerprint で表示されます)。' +
        '今回の数字と同じなら鍵の変更は意図的なものなので、古い鍵を忘れてください。',
    'card.connection': '接続の詳細',
    'fact.count': '件数',
    'fact.rate': '頻度',
    'fact.gaps': '途切れ',
    'fact.age': '最新',
    'fact.missed': '取り損ね',
    'missed.title': '相手側にももう残っていない古い値',
    'series.plain': '数値',
    'series.bytes': '{n} バイト',
    'fact.path': '経路',
    'fact.rtt': '往復時間',
    'fact.setup': '確立時間',
    'fact.trust': '鍵',
    'fact.code': '読み上げ用',
    'fact.fingerprint': 'フィンガープリント',
    'gaps.title': '通常の間隔の 3 倍を超える空白',
    'rtt.title': '選択された候補ペアで ICE が測定した値',
    'setup.title': '呼び出しからチャネルが開くまで',
    'trust.title': 'この名前の相手の鍵を、このブラウザが以前にも見たかどうか',
    'trust.known': '既知',
    'trust.new': '新規 (今後は記憶)',
    'trust.unknown': '名前がないため記憶しません',
    'trust.changed': '以前と異なる',
    'code.title': '相手側の rtcbusctl fingerprint が示すものと同じです',
    'fingerprint.title': '相手が提示した証明書のもの',
    'unit.less': '1 ms 未満',
    'unit.ms': '{n} ms',
    'unit.s': '{n} 秒',
    'unit.min': '{n} 分',
    'unit.h': '{n} 時間',
    'unit.rate': '毎秒 {n}',
    'unit.gaps': '{n} 回、最長 {time}',
    'unit.nogaps': 'なし',
    'unit.ago': '{time}前',
    'unit.justnow': 'たった今',
    'unit.unknown': 'このブラウザでは不明',
    'candidate.host': 'host',
    'candidate.srflx': 'NAT (srflx)',
    'candidate.prflx': 'NAT (prflx)',
    'candidate.relay': 'TURN (relay)',
    'candidate.hidden': '(アドレス非公開)',

    'plot.none': 'グラフ (まだ空です)',
    'plot.label': '{name} の数値のグラフ。最新は {value}',
    'plot.now': '現在',
    'plot.s': '{n} 秒前',
    'plot.min': '{n} 分前',

    'emit.title': '公開する',
    'emit.hint': 'スライダーを動かすと、あなたを呼び出したピアに値が届きます。',
    'emit.repeat': '毎秒くり返し送る',
    'publish.title': '名前と単位の付いた値、またはテキスト',
    'publish.value': '値',
    'publish.series': '系列',
    'publish.unit': '単位',
    'publish.kind': '種類',
    'publish.auto': '自動判別',
    'publish.number': '数値',
    'publish.text': 'テキスト',
    'publish.button': '公開',
    'publish.done': '{series}: {value} を公開しました。',
    'publish.failed': '公開できません: {words}。',
    'files.title': '届いたファイル',
    'files.offer': '{peer} が {name} ({n} バイト) を送ろうとしています。',
    'files.take': '受け取る',
    'files.refuse': '断る',
    'files.refused': '断りました。',
    'files.progress': '{n} %',
    'files.whole': '全体が届き、確認済みです:',
    'files.failed': '失敗しました: {words}。',
    'files.send': 'ファイルを送る',
    'files.asked': '{name}: 相手に確認しています。',
    'files.sending': '{name}: {n} %',
    'files.sent': '{name} が届きました。',
    'emit.listeners': '受信者 {n}',

    'ladder.title': '通話の流れ',
    'ladder.hint': 'シグナリングはリレーを通り、その後の数値は直接届きます。行を開くとフレームを読めます。',
    'ladder.filter': '表示する相手',
    'ladder.all': 'すべてのピア',
    'ladder.clear': '消去',
    'ladder.save': 'ファイルとして保存',
    'ladder.saveas': '保存…',
    'ladder.me': 'このページ',
    'ladder.relay': 'リレー',
    'ladder.them': '相手',
    'ladder.everyone': '全員',
    'ladder.nomore': '以上',
    'ladder.peers': '他に {n} 人',
    'step.connected': '接続',
    'step.connected.why': 'ICE が両者の間の経路を見つけ、DTLS が鍵を共有してフィンガープリントを確認しました。' +
        'ここから先、リレーを通るものはありません。',
    'step.channel': 'チャネル開通',
    'step.channel.why': 'データチャネルが開きました (UDP の中の DTLS の中の SCTP)。どちらからも送れます。',
    'step.number': '最初の数値',
    'step.number.why': 'チャネルを通って数値が十進数のテキストとして届きました。',

    'frame.call': '受信側が接続を求めます。ここで作る session が以後この通話の名前になります。',
    'frame.offer': '送信側が自分の側を説明します: 到達方法、証明書、そしてデータチャネルを使いたいこと。',
    'frame.answer': '受信側が同意し、自分の側を説明します。',
    'frame.candidate': 'この側に到達できるかもしれないアドレスです。両側がすべての組を試します。空なら一覧の終わりです。',
    'frame.bye': '一方が通話を切ります。',
    'frame.welcome': 'リレーからの挨拶: 自分の ID と、ルームにいるピア。',
    'frame.joined': '誰かがルームに入ったことをリレーが知らせます。',
    'frame.left': '誰かがルームを出たことをリレーが知らせます。',
    'frame.iceServers': '古い TURN の資格情報が切れる前に、リレーが新しいものを渡します。',
    'frame.error': 'フレームの求めにリレーが応じられませんでした。',

    'sdp.v': 'バージョン (常に 0)',
    'sdp.o': '作成者とその版',
    'sdp.s': '名前 (未使用)',
    'sdp.t': '開始と終了: いつでも',
    'sdp.m': '一つのストリーム: データチャネル (UDP の上の DTLS の上の SCTP)。ポートは ICE が見つけます',
    'sdp.c': 'アドレスも ICE が見つけます',
    'sdp.group': 'これらのストリームは一つの経路を共有します',
    'sdp.mid': 'このストリームの名前',
    'sdp.ice-ufrag': 'ICE の確認で名乗る名前',
    'sdp.ice-pwd': 'ICE の確認に署名する鍵',
    'sdp.ice-options': '候補は一つずつ後から届きます',
    'sdp.fingerprint': 'DTLS で提示すべき証明書のハッシュ。途中で書き換えれば発覚します',
    'sdp.setup': 'DTLS を始める側: active は始め、passive は待ち、actpass は相手に任せます',
    'sdp.sctp-port': 'DTLS の中のポート',
    'sdp.max-message-size': 'この側が受け取れる最大のメッセージ (バイト)',
    'sdp.candidate': 'この側に到達できるかもしれないアドレス',
    'sdp.end-of-candidates': 'アドレスは以上',
    'sdp.extmap-allow-mixed': 'メディア用 (ここでは未使用)',
    'sdp.msid-semantic': 'メディア用 (ここでは未使用)',
    'sdp.sendrecv': '双方向',
};

const KEY = 'rtcbus.language';

/** The visitor's choice, else the first of the browser's languages that we speak. */
function pick() {
    const wanted = [recall(KEY), ...navigator.languages].filter(Boolean);
    return wanted.map((tag) => tag.slice(0, 2).toLowerCase())
        .find((tag) => tag === 'en' || tag === 'ja') ?? 'en';
}

export const language = pick();
const texts = language === 'ja' ? ja : en;
const plural = new Intl.PluralRules(language);
const formats = new Map();

export function otherLanguage() {
    remember(KEY, language === 'ja' ? 'en' : 'ja');
    location.reload();
}

export const has = (key) => Object.hasOwn(texts, key);

/** The text of KEY, with {names} replaced by VALUES; "key.one" is used for n = 1. */
export function t(key, values = {}) {
    const special = `${key}.${plural.select(Number(values.n))}`;
    const text = texts[has(special) ? special : key] ?? key;
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

/** Replaces the English texts of the document. */
export function translate(root) {
    document.documentElement.lang = language;
    for (const element of root.querySelectorAll('[data-t]'))
        element.textContent = t(element.dataset.t);
}

/** VALUE with as many digits as are worth reading: all of a whole number, else DIGITS. */
export function formatNumber(value, digits = 7) {
    const size = Math.abs(value);
    const style = size >= 1e15 || (size > 0 && size < 1e-4) ? 'scientific'
        : Number.isInteger(value) ? 'integer' : digits;
    if (!formats.has(style)) {
        const options = {
            scientific: {notation: 'scientific', maximumSignificantDigits: 7},
            integer: {},
        }[style] ?? {maximumSignificantDigits: digits};
        formats.set(style, new Intl.NumberFormat(language, options));
    }
    return formats.get(style).format(value);
}

/** MS, a duration, in the unit that suits it. */
export function formatTime(ms) {
    const [name, n] = ms < 999.5 ? ['ms', ms] : ms < 99500 ? ['s', ms / 1000]
        : ms < 5400000 ? ['min', ms / 60000] : ['h', ms / 3600000];
    return name === 'ms' && n < 1 ? t('unit.less') : t(`unit.${name}`, {n: formatNumber(n, n < 10 ? 2 : 3)});
}

const clockFormat = new Intl.DateTimeFormat(language, {
    hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23'});
export const clock = (date) => clockFormat.format(date);
