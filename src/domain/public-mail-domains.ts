/** Providers that have their mailboxes under many top-level domains, `yahoo.co.uk` and `gmx.at` for instance. */
const PROVIDERS = 'aol gmx hotmail live mail msn outlook protonmail qq rediffmail web yahoo yandex ymail zoho'
const ENDINGS =
  'ae ar at be bg biz br ca cc ch cl cn co co.id co.il co.in co.jp co.kr co.nz co.th co.uk co.za com com.ar com.au ' +
  'com.br com.cn com.co com.hk com.mx com.my com.ph com.sg com.tr com.tw com.ua com.ve com.vn cz de dk ee es eu fi fr ' +
  'gr hk hu ie in info it jp kr kz lt lu lv me mx net nl no org pl pt ro rs ru se sg sk th tr tw ua uk us vn'

/** Others, by their whole name: where anybody gets a mailbox, or takes one for ten minutes. */
const OTHERS = `
  10minutemail.com 126.com 139.com 163.com 189.cn aim.com alice.it aliyun.com arcor.de att.net bell.net bellsouth.net
  bigpond.com bigpond.net.au blueyonder.co.uk bluewin.ch bol.com.br btinternet.com centrum.cz charter.net comcast.net
  cox.net disroot.org dispostable.com duck.com earthlink.net email.com email.cz email.it eircom.net excite.com
  fastmail.com fastmail.fm foxmail.com free.fr freemail.hu freenet.de frontier.com gmail.com googlemail.com guerrillamail.com
  hanmail.net hey.com home.nl hush.com hushmail.com i.ua icloud.com ig.com.br inbox.com inbox.lv inbox.ru interia.pl
  kakao.com kpnmail.nl laposte.net libero.it list.ru live.com lycos.com mac.com mail2world.com mailbox.org mailfence.com
  maildrop.cc mailinator.com me.com nate.com naver.com neuf.fr ntlworld.com o2.pl ono.com onet.pl op.pl optonline.net
  optusnet.com.au orange.fr passport.com pm.me posteo.de posteo.net prodigy.net proton.me protonmail.ch rambler.ru
  rocketmail.com rogers.com runbox.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sharklasers.com sina.cn sina.com
  sky.com skynet.be sohu.com swissonline.ch sympatico.ca t-online.de talktalk.net telenet.be telus.net temp-mail.org
  terra.com.br tin.it tiscali.it tlen.pl trashmail.com tutamail.com tuta.com tuta.io tutanota.com tutanota.de ukr.net
  uol.com.br verizon.net virgilio.it virginmedia.com vodafone.it voila.fr volny.cz wanadoo.fr windowslive.com wp.pl
  xs4all.nl xtra.co.nz yahoodns.net yeah.net yopmail.com ya.ru ziggo.nl zoho.com zohomail.com`

const DOMAINS: ReadonlySet<string> = new Set([
  ...PROVIDERS.split(' ').flatMap((name) => ENDINGS.split(' ').map((ending) => `${name}.${ending}`)),
  ...OTHERS.trim().split(/\s+/),
])

/** Whether a domain (folded), or one above it, is a mail provider's, whose addresses anybody can have. */
export function isPublicMailDomain(domain: string): boolean {
  const labels = domain.split('.')
  return labels.some((_, from) => DOMAINS.has(labels.slice(from).join('.')))
}
